/* SPDX-License-Identifier: MIT */
/*
 * Signals and timers of a run. Handlers and alarms only set flags and interrupt the
 * machine; execute.c acts on them between two instructions.
 */
#include "run/run.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

/* Written by handlers. */
static volatile sig_atomic_t stop_signalled, checkpoint_signalled;
static sfpm_vm_t *volatile machine;

/* Seconds on a clock that nobody sets; 0: never. */
static double checkpoint_at, timeout_at, interval;

static void on_stop(int number)
{
    (void)number;
    stop_signalled = 1;
    sfpm_vm_interrupt(machine);
}

static void on_checkpoint(int number)
{
    (void)number;
    checkpoint_signalled = 1;
    sfpm_vm_interrupt(machine);
}

/* What the time means is looked at later. */
static void on_alarm(int number)
{
    (void)number;
    sfpm_vm_interrupt(machine);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction old, action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART; /* writes of the program's output go on */
    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool is_due(double when)
{
    return when > 0 && now() >= when;
}

/* Sets the alarm for what comes first, and never for no time at all, which would
 * switch it off. */
static void set_alarm(void)
{
    bool timeout_first =
        timeout_at > 0 && (checkpoint_at == 0 || timeout_at < checkpoint_at);
    double when = timeout_first ? timeout_at : checkpoint_at;
    if (when == 0)
        return;
    double left = when - now();
    if (left < 0.001)
        left = 0.001;
    struct itimerval timer = {.it_value.tv_sec = (time_t)left};
    timer.it_value.tv_usec = (suseconds_t)((left - (double)timer.it_value.tv_sec) * 1e6);
    setitimer(ITIMER_REAL, &timer, NULL);
}

void signals_start(sfpm_vm_t *vm, const run_request_t *request, bool saving)
{
    machine = vm;
    if (saving) {
        handle(SIGTERM, on_stop);
        handle(SIGINT, on_stop);
        handle(SIGHUP, on_stop);
        handle(SIGXCPU, on_stop);
        handle(SIGUSR1, on_checkpoint);
    }
    interval = saving ? request->checkpoint_every : 0;
    checkpoint_at = interval > 0 ? now() + interval : 0;
    timeout_at = request->timeout > 0 ? now() + request->timeout : 0;
    if (checkpoint_at > 0 || timeout_at > 0) {
        signal(SIGALRM, SIG_DFL); /* whoever ignored it did not mean our clock */
        handle(SIGALRM, on_alarm);
        set_alarm();
    }
}

void signals_end(void)
{
    machine = NULL;
}

bool signals_stop(void)
{
    return stop_signalled || is_due(timeout_at);
}

bool signals_pending(void)
{
    return signals_stop() || checkpoint_signalled || is_due(checkpoint_at);
}

bool signals_checkpoint(void)
{
    bool due = checkpoint_signalled || is_due(checkpoint_at);
    checkpoint_signalled = 0;
    if (due && interval > 0)
        checkpoint_at = now() + interval;
    set_alarm();
    return due;
}
