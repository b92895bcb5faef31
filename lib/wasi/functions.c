/* SPDX-License-Identifier: MIT */
/* The list of the functions of WASI, and those that only tell that something is absent. */
#include "wasi/wasi.h"

#define FUNCTION(name, signature) {#name, signature, sfpm_wasi_##name},
const sfpm_wasi_function_t sfpm_wasi_functions[] = {SFPM_WASI_FUNCTIONS(FUNCTION)};
#undef FUNCTION

const size_t sfpm_wasi_num_functions =
    sizeof sfpm_wasi_functions / sizeof *sfpm_wasi_functions;

/* There are no sockets: a descriptor is none. */
static sfpm_wasi_errno_t no_socket(const sfpm_wasi_call_t *call)
{
    sfpm_wasi_descriptor_t *descriptor;
    sfpm_wasi_errno_t error = sfpm_wasi_find(call, 0, 0, &descriptor);
    return error == WASI_SUCCESS ? WASI_ENOTSOCK : error;
}

sfpm_wasi_errno_t sfpm_wasi_sock_accept(sfpm_wasi_call_t *call)
{
    return no_socket(call);
}

sfpm_wasi_errno_t sfpm_wasi_sock_recv(sfpm_wasi_call_t *call)
{
    return no_socket(call);
}

sfpm_wasi_errno_t sfpm_wasi_sock_send(sfpm_wasi_call_t *call)
{
    return no_socket(call);
}

sfpm_wasi_errno_t sfpm_wasi_sock_shutdown(sfpm_wasi_call_t *call)
{
    return no_socket(call);
}

/* There are no signals. */
sfpm_wasi_errno_t sfpm_wasi_proc_raise(sfpm_wasi_call_t *call)
{
    (void)call;
    return WASI_ENOSYS;
}

sfpm_wasi_errno_t sfpm_wasi_sched_yield(sfpm_wasi_call_t *call)
{
    (void)call;
    return WASI_SUCCESS;
}
