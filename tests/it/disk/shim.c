/*
 * For tests alone: stands between a program and the files whose path holds $SHIM_MATCH.
 *
 * $SHIM_LOG: every change of them, and every sync, is written there in the order in which it was made.
 * $SHIM_FAULT: while this file exists, its first word fails calls:
 *   sync   the next sync, once, with EIO (the file goes away with it)
 *   write  every write, with EIO
 *   full   every write that would make a file longer, with ENOSPC
 *
 * A record is `op u8, 3 bytes, file u32, offset u64, length u32, 4 bytes`, and then the bytes:
 *   N  a path has the number `file`           O  opened; offset 1: it was made by that
 *   W  written                                T  cut or grown to `offset`
 *   S  synced                                 E  the sync failed
 *   U  unlinked                               A  a line for the test, from the file `acknowledged`
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define FDS 65536
#define PATHS 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int files[FDS];       /* by descriptor: the number of its path, or 0 */
static char *paths[PATHS];   /* from 1 on */
static const char *match, *fault;
static int log_fd = -1;

/* Begins anew in a forked child, which has no log of its own. */
__attribute__((constructor)) static void begin(void) {
    match = getenv("SHIM_MATCH");
    fault = getenv("SHIM_FAULT");
    const char *path = getenv("SHIM_LOG");
    if (path) {
        int fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        log_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 900);
        if (fd >= 0) syscall(SYS_close, fd);
    }
}

static void put(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t done = syscall(SYS_write, log_fd, at, length);
        if (done <= 0) _exit(99);
        at += done;
        length -= done;
    }
}

static void record(char op, uint32_t file, uint64_t offset, const void *bytes, uint32_t length) {
    if (log_fd < 0) return;
    unsigned char head[24] = {0};
    head[0] = op;
    memcpy(head + 4, &file, 4);
    memcpy(head + 8, &offset, 8);
    memcpy(head + 16, &length, 4);
    put(head, sizeof head);
    put(bytes, length);
}

static int is_ours(const char *path) {
    if (!match || !path || !strstr(path, match)) return 0;
    size_t length = strlen(path);
    const char *others[] = {"-shm", ".lock", ".token", "in-hand"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        size_t end = strlen(others[i]);
        if (length >= end && !strcmp(path + length - end, others[i])) return 0;
    }
    return 1;
}

/* The number of a path; under the lock. */
static int number(const char *path) {
    for (int i = 1; i < PATHS; i++) {
        if (!paths[i]) {
            paths[i] = strdup(path);
            record('N', i, 0, path, strlen(path));
            return i;
        }
        if (!strcmp(paths[i], path)) return i;
    }
    _exit(98);
}

static int file_of(int fd) { return fd >= 0 && fd < FDS ? files[fd] : 0; }

static int is_ack(int file) {
    const char *path = paths[file], *name = "/acknowledged";
    return path && strlen(path) > strlen(name) && !strcmp(path + strlen(path) - strlen(name), name);
}

/* Whether calls are to fail in this way. */
static int fails(const char *how) {
    if (!fault) return 0;
    int fd = syscall(SYS_openat, AT_FDCWD, fault, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return 0;
    char word[16] = {0};
    ssize_t got = syscall(SYS_read, fd, word, sizeof word - 1);
    syscall(SYS_close, fd);
    return got > 0 && !strncmp(word, how, strlen(how));
}

static int opened(int dir, const char *path, int flags, mode_t mode) {
    if (!is_ours(path) || dir != AT_FDCWD)
        return syscall(SYS_openat, dir, path, flags, mode);
    struct stat before;
    pthread_mutex_lock(&lock);
    int is_new = stat(path, &before) != 0;
    int fd = syscall(SYS_openat, dir, path, flags, mode);
    int failed = errno;
    if (fd >= 0 && fd < FDS) {
        files[fd] = number(path);
        record('O', files[fd], is_new, NULL, 0);
        if (flags & O_TRUNC) record('T', files[fd], 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = failed;
    return fd;
}

#define MODE(flags)                                   \
    mode_t mode = 0;                                  \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {          \
        va_list more;                                 \
        va_start(more, flags);                        \
        mode = va_arg(more, mode_t);                  \
        va_end(more);                                 \
    }

int open(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE(flags) return opened(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE(flags) return opened(dir, path, flags, mode); }

int close(int fd) {
    if (file_of(fd)) {
        pthread_mutex_lock(&lock);
        files[fd] = 0;
        pthread_mutex_unlock(&lock);
    }
    return syscall(SYS_close, fd);
}

static ssize_t written(int fd, const void *bytes, size_t length, off_t offset) {
    int file = file_of(fd);
    struct stat now;
    if (fails("write") || (fails("full") && !fstat(fd, &now) && offset + (off_t)length > now.st_size)) {
        errno = fails("full") ? ENOSPC : EIO;
        return -1;
    }
    pthread_mutex_lock(&lock);
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, length, offset);
    int failed = errno;
    if (done > 0) record('W', file, offset, bytes, done);
    pthread_mutex_unlock(&lock);
    errno = failed;
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    if (!file_of(fd)) return syscall(SYS_pwrite64, fd, bytes, length, offset);
    return written(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    return pwrite(fd, bytes, length, offset);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    int file = file_of(fd);
    if (!file) return syscall(SYS_write, fd, bytes, length);
    if (is_ack(file)) {
        pthread_mutex_lock(&lock);
        record('A', file, 0, bytes, length);
        pthread_mutex_unlock(&lock);
        return length;
    }
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t done = written(fd, bytes, length, offset);
    if (done > 0) lseek(fd, offset + done, SEEK_SET);
    return done;
}

int ftruncate(int fd, off_t length) {
    int file = file_of(fd);
    if (!file) return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_ftruncate, fd, length);
    int failed = errno;
    if (!done) record('T', file, length, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = failed;
    return done;
}

int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }

static int synced(int fd, long call) {
    int file = file_of(fd);
    if (!file) return syscall(call, fd);
    pthread_mutex_lock(&lock);
    int fail = fails("sync");
    if (fail) syscall(SYS_unlinkat, AT_FDCWD, fault, 0);
    record(fail ? 'E' : 'S', file, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    /* The real one is left out: what the disk would hold is made from the record. */
    if (fail) errno = EIO;
    return fail ? -1 : 0;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int unlink(const char *path) {
    if (!is_ours(path)) return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    int failed = errno;
    if (!done) record('U', number(path), 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = failed;
    return done;
}
