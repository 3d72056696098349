/*
 * For the harness alone: the clock of the system, put by so many seconds as $SHIM_CLOCK holds (a file
 * with one int64 in it). What measures how long something takes is left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *put;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SHIM_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof *put, PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) put = at;
    close(fd);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, which, now);
    if (!failed && put && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += *put;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec fine;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &fine)) return -1;
    now->tv_sec = fine.tv_sec;
    now->tv_usec = fine.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *where) {
    struct timespec fine;
    if (clock_gettime(CLOCK_REALTIME, &fine)) return -1;
    if (where) *where = fine.tv_sec;
    return fine.tv_sec;
}
