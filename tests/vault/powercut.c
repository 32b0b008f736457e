/* Writes down, in order, all that a process does to the files under $POWERCUT_ROOT, so that a disk
 * can be rebuilt as a power cut might have left it (tests/support/powercut.py). Also plays a full or
 * a read-only disk. Loaded with LD_PRELOAD; built by the tests:
 *
 *     cc -shared -fPIC -O2 -o powercut.so powercut.c -ldl
 *
 *   $POWERCUT_LOG    where to write the records
 *   $POWERCUT_ACK    a file; what is written to it is recorded as an acknowledgement
 *   $POWERCUT_FULL   set: writing fails as on a full disk
 *   $POWERCUT_RO     set: opening for writing fails as on a read-only disk
 *
 * Record: op (1 byte), inode (8), offset (8), length of path (4), path, length of data (4), data;
 * numbers little-endian as the machine has them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_FDS 4096
#define REAL(name, ret, ...) \
    static ret (*real)(__VA_ARGS__); \
    if (!real) real = dlsym(RTLD_NEXT, name)

static char *paths[MOST_FDS];
static char appends[MOST_FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static ssize_t plain_write(int fd, const void *data, size_t size) {
    REAL("write", ssize_t, int, const void *, size_t);
    return real(fd, data, size);
}

static int inside(const char *path) {
    const char *root = getenv("POWERCUT_ROOT");
    size_t length = root ? strlen(root) : 0;
    return root && path && strncmp(path, root, length) == 0 &&
           (path[length] == '/' || path[length] == 0);
}

static int is_ack(const char *path) {
    const char *ack = getenv("POWERCUT_ACK");
    return ack && path && strcmp(path, ack) == 0;
}

static void record(char op, uint64_t inode, uint64_t offset, const char *path, const void *data,
                   size_t size) {
    static int log = -1;
    const char *name = getenv("POWERCUT_LOG");
    if (!name) return;
    pthread_mutex_lock(&lock);
    if (log < 0) {
        REAL("open", int, const char *, int, ...);
        log = real(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    uint32_t length = path ? strlen(path) : 0, much = size;
    size_t total = 1 + 8 + 8 + 4 + length + 4 + much;
    char *all = malloc(total), *at = all;
    *at++ = op;
    memcpy(at, &inode, 8); at += 8;
    memcpy(at, &offset, 8); at += 8;
    memcpy(at, &length, 4); at += 4;
    memcpy(at, path, length); at += length;
    memcpy(at, &much, 4); at += 4;
    if (much) memcpy(at, data, much);
    if (plain_write(log, all, total) != (ssize_t)total) abort();
    free(all);
    pthread_mutex_unlock(&lock);
}

static uint64_t inode_of(int fd) {
    struct stat info;
    return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

static const char *path_of(int fd) {
    return fd >= 0 && fd < MOST_FDS ? paths[fd] : NULL;
}

static int refused(const char *path) {
    if (inside(path) && getenv("POWERCUT_RO")) { errno = EROFS; return 1; }
    return 0;
}

static int full(int fd) {
    if (inside(path_of(fd)) && getenv("POWERCUT_FULL")) { errno = ENOSPC; return 1; }
    return 0;
}

static int opened(int fd, const char *path, int flags, int new) {
    if (fd < 0 || fd >= MOST_FDS) return fd;
    free(paths[fd]);
    paths[fd] = inside(path) || is_ack(path) ? strdup(path) : NULL;
    appends[fd] = (flags & O_APPEND) != 0;
    if (inside(path) && (flags & O_CREAT) && new) record('C', inode_of(fd), 0, path, NULL, 0);
    else if (inside(path) && (flags & O_TRUNC)) record('T', inode_of(fd), 0, path, NULL, 0);
    return fd;
}

#define OPENER(name) \
    int name(const char *path, int flags, ...) { \
        REAL(#name, int, const char *, int, ...); \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        if ((flags & (O_CREAT | O_WRONLY | O_RDWR)) && refused(path)) return -1; \
        int new = inside(path) && access(path, F_OK) != 0; \
        return opened(real(path, flags, mode), path, flags, new); \
    }
OPENER(open)
OPENER(open64)

#define OPENER_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(#name, int, int, const char *, int, ...); \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        if ((flags & (O_CREAT | O_WRONLY | O_RDWR)) && refused(path)) return -1; \
        int new = inside(path) && access(path, F_OK) != 0; \
        return opened(real(folder, path, flags, mode), path, flags, new); \
    }
OPENER_AT(openat)
OPENER_AT(openat64)

int close(int fd) {
    REAL("close", int, int);
    if (fd >= 0 && fd < MOST_FDS) { free(paths[fd]); paths[fd] = NULL; }
    return real(fd);
}

ssize_t write(int fd, const void *data, size_t size) {
    if (full(fd)) return -1;
    const char *path = path_of(fd);
    off_t at = inside(path) ? lseek(fd, 0, appends[fd] ? SEEK_END : SEEK_CUR) : 0;
    ssize_t done = plain_write(fd, data, size);
    if (done > 0 && inside(path)) record('W', inode_of(fd), at, path, data, done);
    if (done > 0 && is_ack(path)) record('A', 0, 0, path, data, done);
    return done;
}

#define WRITER(name, offset) \
    ssize_t name(int fd, const void *data, size_t size, offset at) { \
        REAL(#name, ssize_t, int, const void *, size_t, offset); \
        if (full(fd)) return -1; \
        ssize_t done = real(fd, data, size, at); \
        if (done > 0 && inside(path_of(fd))) \
            record('W', inode_of(fd), at, path_of(fd), data, done); \
        return done; \
    }
WRITER(pwrite, off_t)
WRITER(pwrite64, off64_t)

#define CUTTER(name, offset) \
    int name(int fd, offset size) { \
        REAL(#name, int, int, offset); \
        int done = real(fd, size); \
        if (done == 0 && inside(path_of(fd))) \
            record('T', inode_of(fd), size, path_of(fd), NULL, 0); \
        return done; \
    }
CUTTER(ftruncate, off_t)
CUTTER(ftruncate64, off64_t)

static int synced(int fd, int done) {
    struct stat info;
    const char *path = path_of(fd);
    if (done == 0 && path && inside(path) && fstat(fd, &info) == 0)
        record(S_ISDIR(info.st_mode) ? 'D' : 'S', info.st_ino, 0, path, NULL, 0);
    return done;
}

int fsync(int fd) {
    REAL("fsync", int, int);
    return synced(fd, real(fd));
}

int fdatasync(int fd) {
    REAL("fdatasync", int, int);
    return synced(fd, real(fd));
}

int rename(const char *from, const char *to) {
    REAL("rename", int, const char *, const char *);
    if (refused(to)) return -1;
    int done = real(from, to);
    if (done == 0 && inside(to)) record('R', 0, 0, from, to, strlen(to));
    return done;
}

static int linked(const char *from, const char *to, int done) {
    if (done == 0 && inside(to)) record('L', 0, 0, from, to, strlen(to));
    return done;
}

int link(const char *from, const char *to) {
    REAL("link", int, const char *, const char *);
    return refused(to) ? -1 : linked(from, to, real(from, to));
}

int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL("linkat", int, int, const char *, int, const char *, int);
    return refused(to) ? -1 : linked(from, to, real(a, from, b, to, flags));
}

int unlink(const char *path) {
    REAL("unlink", int, const char *);
    if (refused(path)) return -1;
    int done = real(path);
    if (done == 0 && inside(path)) record('U', 0, 0, path, NULL, 0);
    return done;
}

int mkdir(const char *path, mode_t mode) {
    REAL("mkdir", int, const char *, mode_t);
    if (refused(path)) return -1;
    int done = real(path, mode);
    if (done == 0 && inside(path)) record('M', 0, 0, path, NULL, 0);
    return done;
}
