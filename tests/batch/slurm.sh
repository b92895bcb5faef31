#!/bin/sh
# SPDX-License-Identifier: MIT
# The recipe of sfpm-batch(7) under Slurm, on the loopback: the job is signalled, preempted,
# put back into the queue and loses its node, and ends with the output and the state of a
# run in one go. A step of .ci/run, not of make check.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
needs munged slurmctld slurmd sbatch scontrol squeue sinfo hostname

# recipe N: the script in the manual; the second is for arrays.
recipe() {
    awk -v number="$1" '
        /^\.Sh / { slurm = /SLURM/ }
        /^\.Bd -literal/ { display += slurm; inside = slurm; next }
        /^\.Ed/ { inside = 0 }
        inside && display == number' "$top_srcdir/man/sfpm-batch.7" | sed 's/\\e/\\/g'
}

user=$(id -un)
node=$(hostname -s)
# Two ports of this process, in the range that systems do not give out by themselves.
port=$((20000 + $$ % 5000 * 2))
mkdir state spool munge
chmod 700 munge
head -c 1024 /dev/urandom >munge/key
chmod 600 munge/key
cat >slurm.conf <<END
ClusterName=test
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=$user
SlurmdUser=$user
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/linear
SlurmdTimeout=0
KillWait=60
ReturnToService=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
NodeName=$node NodeAddr=127.0.0.1 CPUs=1
PartitionName=low Nodes=$node Default=YES PriorityTier=1 GraceTime=60
PartitionName=high Nodes=$node PriorityTier=10
END
SLURM_CONF=$work/slurm.conf
export SLURM_CONF

munged_pid='' slurmctld_pid='' slurmd_pid=''
stop_all() {
    scancel --user="$user" 2>/dev/null || :
    for stopped_pid in $(ps -eo pid=,args= | awk -v spool="$work" 'index($0, spool) { print $1 }') \
        $slurmd_pid $slurmctld_pid $munged_pid; do
        [ "$stopped_pid" = $$ ] || kill -KILL "$stopped_pid" 2>/dev/null || :
    done
}
slurm_end() {
    slurm_status=$?
    trap - EXIT
    stop_all
    trap test_end EXIT
    exit "$slurm_status"
}
trap slurm_end EXIT
daemon_failed() {
    tail -n 20 "$@" >&9 2>/dev/null || :
    skip "Slurm cannot run here: $1"
}

munged --foreground --force --socket="$work/munge/socket" --key-file="$work/munge/key" \
    --pid-file="$work/munge/pid" --seed-file="$work/munge/seed" --log-file="$work/munge/log" \
    >munged.out 2>&1 &
munged_pid=$!
answered() {
    kill -0 "$1" 2>/dev/null || return 0
    shift
    "$@" >/dev/null 2>&1
}
until_true answered "$munged_pid" munge --socket="$work/munge/socket" --no-input
kill -0 "$munged_pid" 2>/dev/null || daemon_failed munged.out munge/log
slurmctld -D -c >slurmctld.out 2>&1 &
slurmctld_pid=$!
until_true answered "$slurmctld_pid" scontrol ping
kill -0 "$slurmctld_pid" 2>/dev/null || daemon_failed slurmctld.out slurmctld.log

# start_node: until the node can take jobs.
start_node() {
    slurmd -D -N "$node" >>slurmd.out 2>&1 &
    slurmd_pid=$!
    until_true answered "$slurmd_pid" idle
    kill -0 "$slurmd_pid" 2>/dev/null || daemon_failed slurmd.out slurmd.log
}
idle() {
    [ "$(sinfo -h -o %T)" = idle ]
}
start_node

field() {
    scontrol -o show job "$job" | tr ' ' '\n' | sed -n "s/^$1=//p"
}
# in_state STATE RESTARTS: the job is in that state for at least the so manieth time. One
# that has ended earlier will never be.
in_state() {
    state=$(field JobState)
    case $state in
    "$1") [ "$(field Restarts)" -ge "$2" ] ;;
    FAILED | COMPLETED | CANCELLED | TIMEOUT) fail "the job is $state after $(field Restarts) restarts" ;;
    *) false ;;
    esac
}
# progress RESTARTS: the job runs for the so manieth time, and has printed more.
progress() {
    until_true in_state RUNNING "$1"
    lines=$(cat out.txt 2>/dev/null | wc -l)
    until_true more_than "$lines"
    echo "restart $1: $(wc -l <out.txt) lines" >&9
}
more_than() {
    [ "$(cat out.txt 2>/dev/null | wc -l)" -gt "$1" ]
}

mkdir job
cd job || exit
# A checkpoint every second, so that there soon is something to go on from.
recipe 1 | sed 's/--checkpoint-every 600/--checkpoint-every 1/' >job.sh
expect grep -q '^sfpm-run --resume -i --checkpoint-every 1 ' job.sh
succeeds sfpm-save -o job.img "$top_srcdir/tests/batch/long.s"
cp job.img whole.img
succeeds sbatch --parsable --chdir="$PWD" --output=job.log job.sh
job=$(cat "$stdout")

# The signal that Slurm sends before the end of the time.
progress 0
succeeds scancel --batch --signal=TERM "$job"
# A job with more right to the node.
progress 1
succeeds sbatch --parsable --partition=high --output=high.log --wrap="echo ran"
# The node fails, with all that runs on it.
progress 2
# It gave way to that one: there is one processor.
expect grep -qx ran high.log
for pid in $slurmd_pid $(ps -eo pid=,args= | awk '/[s]lurmstepd|[j]ob\.img/ { print $1 }'); do
    kill -KILL "$pid" 2>/dev/null || :
done
succeeds scontrol update "nodename=$node" state=down reason=failed
until_true in_state PENDING 3
start_node
# The user wants it so.
progress 3
succeeds scontrol requeue "$job"
progress 4
until_true in_state COMPLETED 4
cat job.log >&9
mv job.img done.img
mv out.txt done.txt

# Many jobs begin with one image.
printf '.global seed\n.func main\n global.get seed\n print\n halt\n' >seed.s
succeeds sfpm-save -o common.img seed.s
cp common.img common.before
{
    echo '#!/bin/sh'
    recipe 2 | sed 's/--array=1-100/--array=1-3/'
    echo 'sfpm-run -i --stdout out-$SLURM_ARRAY_TASK_ID.txt $image'
} >array.sh
succeeds sbatch --wait --output=array-%a.log array.sh
cat out-1.txt out-2.txt out-3.txt >"$stdout"
expect_stdout '1
2
3'
expect_same common.before common.img

# A job that may not go back says so, and its state is kept.
cp whole.img job.img
succeeds sbatch --parsable --chdir="$PWD" --output=refused.log --no-requeue job.sh
job=$(cat "$stdout")
progress 0
succeeds scancel --batch --signal=TERM "$job"
until_true in_state FAILED 0
cp refused.log "$stdout"
expect_stdout_match '^job.sh: unless it waits in squeue, submit it again: it continues from job.img$'
succeeds sfpm-inspect --verify job.img

succeeds sfpm-run -i --stdout whole.txt whole.img
expect_same whole.txt done.txt
succeeds sfpm-diff whole.img done.img
expect test "$(wc -l <done.txt)" -eq 200
