/*
 * Preloaded into a process, this writes down all that the process does to the files below one directory, in its order:
 * what it writes, what it makes, names and removes, and what it asks the disk to keep. `disk.py` reads it and knows what
 * a power cut would have left.
 *
 *   RECORDED_DIRECTORY   an absolute path without symbolic links
 *   RECORD               where to write; a file that is there is continued
 *
 * Nothing is synced in truth: a record says that it was asked for, and the answer is that all went well. Memory that is
 * mapped to a file is not seen; SQLite maps its -shm file alone, which is nothing that a disk has to keep.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { MADE = 1, WRITTEN, CUT, SYNCED, NAMED, RENAMED, REMOVED };

struct head {
    uint32_t kind, mode;
    uint64_t inode, offset;
    uint32_t path, data; /* lengths of what follows */
} __attribute__((packed));

#define FILES 65536
static char watched[FILES];
static char root[PATH_MAX];
static size_t root_length;
static int record = -1;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
    const char *directory = getenv("RECORDED_DIRECTORY"), *path = getenv("RECORD");
    if (directory == NULL || path == NULL) return;
    root_length = strlen(strncpy(root, directory, sizeof root - 1));
    record = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (record < 0) abort();
}

static int is_below(const char *path) {
    return record >= 0 && strncmp(path, root, root_length) == 0 && path[root_length] == '/';
}

static void note(enum kind kind, struct stat *about, uint64_t offset, const char *path, const void *data, size_t size) {
    struct head head = {kind, about ? about->st_mode : 0, about ? about->st_ino : 0, offset,
                        path ? strlen(path) : 0, size};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)path, head.path}, {(void *)data, size}};
    ssize_t whole = sizeof head + head.path + size;
    if (REAL(writev)(record, parts, 3) != whole) abort();
}

/* The descriptor's path, if it lies below the directory or is the directory. */
static int find(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path) || (record >= 0 && strcmp(path, root) == 0);
}

static int opened(int fd, int flags, int was_there) {
    char path[PATH_MAX];
    struct stat about;
    if (fd < 0 || fd >= FILES || !find(fd, path)) return fd;
    watched[fd] = 1;
    fstat(fd, &about);
    if (!was_there) note(MADE, &about, 0, path, NULL, 0);
    else if (flags & O_TRUNC) note(CUT, &about, 0, NULL, NULL, 0);
    return fd;
}

#define OPEN(name)                                                             \
    int name(const char *path, int flags, ...) {                               \
        va_list more;                                                          \
        va_start(more, flags);                                                 \
        int mode = va_arg(more, int);                                          \
        va_end(more);                                                          \
        pthread_mutex_lock(&turn);                                             \
        int was_there = !(flags & O_CREAT) || access(path, F_OK) == 0;         \
        int fd = opened(REAL(name)(path, flags, mode), flags, was_there);      \
        pthread_mutex_unlock(&turn);                                           \
        return fd;                                                             \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    if (fd >= 0 && fd < FILES) watched[fd] = 0;
    return REAL(close)(fd);
}

static int is_watched(int fd) { return fd >= 0 && fd < FILES && watched[fd]; }

static void wrote(int fd, ssize_t size, off_t offset, const void *data) {
    struct stat about;
    if (size <= 0 || fstat(fd, &about) != 0) return;
    note(WRITTEN, &about, offset, NULL, data, size);
}

ssize_t write(int fd, const void *data, size_t size) {
    if (!is_watched(fd)) return REAL(write)(fd, data, size);
    pthread_mutex_lock(&turn);
    ssize_t done = REAL(write)(fd, data, size);
    wrote(fd, done, lseek(fd, 0, SEEK_CUR) - done, data);
    pthread_mutex_unlock(&turn);
    return done;
}

#define PWRITE(name)                                                           \
    ssize_t name(int fd, const void *data, size_t size, off_t offset) {        \
        if (!is_watched(fd)) return REAL(name)(fd, data, size, offset);        \
        pthread_mutex_lock(&turn);                                             \
        ssize_t done = REAL(name)(fd, data, size, offset);                     \
        wrote(fd, done, offset, data);                                         \
        pthread_mutex_unlock(&turn);                                           \
        return done;                                                           \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define FTRUNCATE(name)                                                        \
    int name(int fd, off_t size) {                                             \
        if (!is_watched(fd)) return REAL(name)(fd, size);                      \
        struct stat about;                                                     \
        pthread_mutex_lock(&turn);                                             \
        int failed = REAL(name)(fd, size);                                     \
        if (!failed && fstat(fd, &about) == 0)                                 \
            note(CUT, &about, size, NULL, NULL, 0);                            \
        pthread_mutex_unlock(&turn);                                           \
        return failed;                                                         \
    }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define SYNC(name)                                                             \
    int name(int fd) {                                                         \
        struct stat about;                                                     \
        if (!is_watched(fd)) return REAL(name)(fd);                            \
        pthread_mutex_lock(&turn);                                             \
        if (fstat(fd, &about) == 0) note(SYNCED, &about, 0, NULL, NULL, 0);    \
        pthread_mutex_unlock(&turn);                                           \
        return 0;                                                              \
    }
SYNC(fsync)
SYNC(fdatasync)

static int changed(int failed, enum kind kind, const char *path, const char *from) {
    struct stat about;
    if (failed || !is_below(path)) return failed;
    int is_there = lstat(path, &about) == 0;
    note(kind, is_there ? &about : NULL, 0, path, from, from ? strlen(from) : 0);
    return failed;
}

#define CHANGE(kind, path, from, name, parameters, ...)                        \
    int name parameters {                                                      \
        pthread_mutex_lock(&turn);                                             \
        int failed = changed(REAL(name)(__VA_ARGS__), kind, path, from);       \
        int why = errno;                                                       \
        pthread_mutex_unlock(&turn);                                           \
        errno = why;                                                           \
        return failed;                                                         \
    }
CHANGE(MADE, path, NULL, mkdir, (const char *path, mode_t mode), path, mode)
CHANGE(NAMED, path, NULL, link, (const char *from, const char *path), from, path)
CHANGE(NAMED, path, NULL, linkat, (int at, const char *from, int to, const char *path, int flags), at, from, to, path, flags)
CHANGE(RENAMED, path, from, rename, (const char *from, const char *path), from, path)
CHANGE(REMOVED, path, NULL, unlink, (const char *path), path)
CHANGE(REMOVED, path, NULL, rmdir, (const char *path), path)
