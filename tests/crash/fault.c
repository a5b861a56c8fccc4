/* Counts what a program asks of the storage below given folders, and lets one of these calls go wrong.
 *
 * Loaded before libc (LD_PRELOAD), so nothing of the program is built differently. All threads share one count, so a
 * number names one moment of a run:
 *
 *   CRASH_BELOW   the folders, with colons between; only calls on what lies below them are counted
 *   CRASH_LOG     a file: a line for each counted call, "number call path"
 *   CRASH_AT      the number of the call that goes wrong
 *   CRASH_ONLY    only calls of these names are counted, with commas between
 *   CRASH_DO      stop   the process stops before the call, until somebody kills it
 *                 torn   as stop, but half of what is to be written has been written
 *                 after  as stop, but after the call
 *                 N      the call fails with errno N
 *   CRASH_STAYS   every later call that writes fails, too (a disk that is full stays full)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long count;
static long at;
static const char *below, *only, *what, *stays;
static int log_fd = -1;

__attribute__((constructor)) static void start(void) {
    below = getenv("CRASH_BELOW");
    only = getenv("CRASH_ONLY");
    what = getenv("CRASH_DO");
    stays = getenv("CRASH_STAYS");
    const char *number = getenv("CRASH_AT"), *path = getenv("CRASH_LOG");
    at = number ? atol(number) : 0;
    if (path) log_fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int listed(const char *name) {
    size_t length = strlen(name);
    for (const char *from = only; from && (from = strstr(from, name)); from += length)
        if ((from == only || from[-1] == ',') && (!from[length] || from[length] == ',')) return 1;
    return !only;
}

static int is_below(const char *path) {
    for (const char *from = below; from && *from;) {
        size_t length = strcspn(from, ":");
        if (!strncmp(path, from, length) && (!path[length] || path[length] == '/')) return 1;
        from += length + (from[length] == ':');
    }
    return 0;
}

static void of_fd(int fd, char *path) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
}

static void of_name(int folder, const char *name, char *path) {
    char base[PATH_MAX] = "";
    if (!name) name = "";
    if (*name != '/') {
        if (folder == AT_FDCWD) { if (!getcwd(base, sizeof base)) base[0] = 0; }
        else of_fd(folder, base);
    }
    snprintf(path, PATH_MAX, "%s%s%s", base, *base ? "/" : "", name);
}

static void halt(void) {
    /* The whole process, and only then does the kernel come back here: nothing goes on behind it. */
    for (;;) kill(getpid(), SIGSTOP);
}

enum { GO = 0, TORN = -1, AFTER = -2 };

/* Counts a call: GO, TORN, AFTER, or the errno that it fails with. */
static int turn(const char *call, const char *path, int writes) {
    if (!is_below(path) || !listed(call)) return GO;
    long number = atomic_fetch_add(&count, 1) + 1;
    if (log_fd >= 0) {
        char line[PATH_MAX + 60];
        int length = snprintf(line, sizeof line, "%ld %s %s\n", number, call, path);
        syscall(SYS_write, log_fd, line, (size_t)length);
    }
    if (!what || !at || number < at || (number > at && !(stays && writes))) return GO;
    if (!strcmp(what, "stop")) halt();
    if (!strcmp(what, "torn")) { if (writes) return TORN; halt(); }
    if (!strcmp(what, "after")) return AFTER;
    return atoi(what);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ENTER(call, writes) int turned = turn(call, path, writes); if (turned > 0) { errno = turned; return -1; }
#define LEAVE(type, expression) type result = (expression); if (turned == AFTER) { halt(); } return result

#define ON_FD(name, arguments, fd, real)                                                                               \
    int name arguments { char path[PATH_MAX]; of_fd(fd, path); ENTER(#name, 0); LEAVE(int, REAL(name) real); }
ON_FD(fsync, (int fd), fd, (fd))
ON_FD(fdatasync, (int fd), fd, (fd))
#define ON_ROOM(name, arguments, fd, real)                                                                             \
    int name arguments { char path[PATH_MAX]; of_fd(fd, path); ENTER(#name, 1);                                        \
        if (turned == TORN) { halt(); } LEAVE(int, REAL(name) real); }
ON_ROOM(ftruncate, (int fd, off_t length), fd, (fd, length))
ON_ROOM(ftruncate64, (int fd, off64_t length), fd, (fd, length))
ON_ROOM(fallocate, (int fd, int mode, off_t from, off_t length), fd, (fd, mode, from, length))
ON_ROOM(fallocate64, (int fd, int mode, off64_t from, off64_t length), fd, (fd, mode, from, length))

/* A descriptor is gone after close, even if that fails. */
int close(int fd) {
    char path[PATH_MAX];
    int error = errno;
    of_fd(fd, path);
    errno = error;
    int turned = turn("close", path, 0);
    int result = syscall(SYS_close, fd);
    if (turned == AFTER) halt();
    if (turned > 0) { errno = turned; return -1; }
    return result;
}

#define ON_WRITE(name, arguments, fd, real, half)                                                                      \
    ssize_t name arguments { char path[PATH_MAX]; int error = errno; of_fd(fd, path); errno = error; ENTER(#name, 1);  \
        if (turned == TORN) { (void)!(REAL(name) half); halt(); } LEAVE(ssize_t, REAL(name) real); }
ON_WRITE(write, (int fd, const void *from, size_t length), fd, (fd, from, length), (fd, from, length / 2))
ON_WRITE(pwrite, (int fd, const void *from, size_t length, off_t to), fd, (fd, from, length, to), (fd, from, length / 2, to))
ON_WRITE(pwrite64, (int fd, const void *from, size_t length, off64_t to), fd, (fd, from, length, to), (fd, from, length / 2, to))
ON_WRITE(writev, (int fd, const struct iovec *from, int parts), fd, (fd, from, parts), (fd, from, parts / 2))
ON_WRITE(copy_file_range, (int in, off64_t *from, int out, off64_t *to, size_t length, unsigned flags), out,
         (in, from, out, to, length, flags), (in, from, out, to, length / 2, flags))

#define ON_NAME(name, arguments, folder, file, real)                                                                   \
    int name arguments { char path[PATH_MAX]; of_name(folder, file, path); ENTER(#name, 1);                            \
        if (turned == TORN) { halt(); } LEAVE(int, REAL(name) real); }
ON_NAME(rename, (const char *from, const char *to), AT_FDCWD, to, (from, to))
ON_NAME(renameat, (int a, const char *from, int b, const char *to), b, to, (a, from, b, to))
ON_NAME(renameat2, (int a, const char *from, int b, const char *to, unsigned flags), b, to, (a, from, b, to, flags))
ON_NAME(link, (const char *from, const char *to), AT_FDCWD, to, (from, to))
ON_NAME(linkat, (int a, const char *from, int b, const char *to, int flags), b, to, (a, from, b, to, flags))
ON_NAME(symlink, (const char *target, const char *name), AT_FDCWD, name, (target, name))
ON_NAME(symlinkat, (const char *target, int a, const char *name), a, name, (target, a, name))
ON_NAME(unlink, (const char *name), AT_FDCWD, name, (name))
ON_NAME(unlinkat, (int a, const char *name, int flags), a, name, (a, name, flags))
ON_NAME(rmdir, (const char *name), AT_FDCWD, name, (name))
ON_NAME(mkdir, (const char *name, mode_t mode), AT_FDCWD, name, (name, mode))
ON_NAME(mkdirat, (int a, const char *name, mode_t mode), a, name, (a, name, mode))

/* Opening counts where it may create or empty a file. */
#define ON_OPEN(name, arguments, folder, real)                                                                         \
    int name arguments { mode_t mode = 0;                                                                              \
        if (flags & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); } \
        int turned = GO;                                                                                               \
        if (flags & (O_CREAT | O_TRUNC)) { char path[PATH_MAX]; of_name(folder, file, path);                           \
            turned = turn(#name, path, 1); if (turned == TORN) halt(); if (turned > 0) { errno = turned; return -1; } } \
        LEAVE(int, REAL(name) real); }
ON_OPEN(open, (const char *file, int flags, ...), AT_FDCWD, (file, flags, mode))
ON_OPEN(open64, (const char *file, int flags, ...), AT_FDCWD, (file, flags, mode))
ON_OPEN(openat, (int folder, const char *file, int flags, ...), folder, (folder, file, flags, mode))
ON_OPEN(openat64, (int folder, const char *file, int flags, ...), folder, (folder, file, flags, mode))
