/* SPDX-License-Identifier: MIT */
/* Random bytes and the wiping of secrets, which need no library. */
#include "codec/crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#ifdef HAVE_GETRANDOM
#include <sys/random.h>
#endif

#include "base/error.h"

/* Byte by byte through a volatile pointer: the compiler cannot omit that. */
void sfpm_wipe(void *secret, size_t size)
{
    volatile uint8_t *bytes = secret;
    while (size > 0)
        bytes[--size] = 0;
}

/* One attempt: the bytes got, or -1 with errno. */
static ssize_t get(int device, void *to, size_t size)
{
#ifdef HAVE_GETRANDOM
    if (device < 0)
        return getrandom(to, size, 0);
#endif
    return read(device, to, size);
}

static bool fill(int device, uint8_t *to, size_t size)
{
    while (size > 0) {
        ssize_t got = get(device, to, size);
        if (got == 0)
            errno = EIO;
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got > 0) {
            to += got;
            size -= (size_t)got;
        }
    }
    return true;
}

bool sfpm_random(void *to, size_t size)
{
#ifdef HAVE_GETRANDOM
    if (fill(-1, to, size))
        return true;
    if (errno != ENOSYS) /* a kernel before 3.17 */
        return sfpm_fail_errno(errno, "cannot get random bytes from the system");
#endif
    int device = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (device < 0)
        return sfpm_fail_errno(errno, "cannot open /dev/urandom");
    bool ok = fill(device, to, size);
    if (!ok)
        sfpm_fail_errno(errno, "cannot read /dev/urandom");
    close(device);
    return ok;
}
