/* Counters of a powercap tree that move by themselves, for tests: preloaded, it answers reads of `energy_uj`.
 *
 * A folder that holds a file `course` beside its `energy_uj` has a simulated counter: its value at a moment is
 * the integral of the course's power up to the last tick, wrapped at its range. Everything above the read of
 * the file runs unchanged, and no writer has to get a turn, so the truth is exact on a busy machine too. The
 * course also says when reads are slow, and on which side of the wait the counter is looked at, or refused.
 * Numbers are integers: nanoseconds of CLOCK_MONOTONIC, microjoules, microwatts.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEPS 64

typedef ssize_t (*Read)(int, void *, size_t, off_t);
typedef struct { int64_t at, watts; } Step;
typedef struct { int64_t from, to, before, after; } Wait;

typedef struct {
    int64_t range, start, tick, reset;
    int steps, waits, refusals;
    Step step[STEPS];
    Wait wait[STEPS], refusal[STEPS];
} Course;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void rest(int64_t ns)
{
    struct timespec t = { ns / 1000000000, ns % 1000000000 };
    if (ns > 0) nanosleep(&t, NULL);
}

static int load(const char *path, Course *c)
{
    char key[32];
    long long v[4];
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    memset(c, 0, sizeof *c);
    c->reset = INT64_MAX;
    while (fscanf(file, "%31s %lld %lld %lld %lld", key, &v[0], &v[1], &v[2], &v[3]) == 5) {
        if (!strcmp(key, "counter")) c->range = v[0], c->start = v[1], c->tick = v[2];
        if (!strcmp(key, "reset")) c->reset = v[0];
        if (!strcmp(key, "step") && c->steps < STEPS) c->step[c->steps++] = (Step){ v[0], v[1] };
        if (!strcmp(key, "wait") && c->waits < STEPS) c->wait[c->waits++] = (Wait){ v[0], v[1], v[2], v[3] };
        if (!strcmp(key, "refuse") && c->refusals < STEPS) c->refusal[c->refusals++] = (Wait){ v[0], v[1], v[2], 0 };
    }
    fclose(file);
    return 1;
}

/* Microjoules between the first step and a moment. */
static double used(const Course *c, int64_t moment)
{
    double sum = 0;
    for (int i = 0; i < c->steps; i++) {
        int64_t end = i + 1 < c->steps && c->step[i + 1].at < moment ? c->step[i + 1].at : moment;
        if (end > c->step[i].at) sum += (double)c->step[i].watts * (double)(end - c->step[i].at) * 1e-9;
    }
    return sum;
}

static ssize_t answer(const char *path, void *to, size_t size)
{
    Course c;
    if (!load(path, &c)) return -2;
    int64_t after = 0, before = now();
    for (int i = 0; i < c.waits; i++)
        if (before >= c.wait[i].from && before < c.wait[i].to) rest(c.wait[i].before), after = c.wait[i].after;
    int64_t looked = now() / c.tick * c.tick;
    double joules = looked >= c.reset ? used(&c, looked) - used(&c, c.reset) : (double)c.start + used(&c, looked);
    for (int i = 0; i < c.refusals; i++)
        if (looked >= c.refusal[i].from && looked < c.refusal[i].to) {
            errno = (int)c.refusal[i].before;
            return -1;
        }
    rest(after);
    char text[32];
    int length = snprintf(text, sizeof text, "%" PRId64 "\n", (int64_t)joules % c.range);
    if ((size_t)length > size) length = (int)size;
    memcpy(to, text, (size_t)length);
    return length;
}

static ssize_t look(const char *name, int fd, void *to, size_t size, off_t offset)
{
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 16);
    const char *end = "/energy_uj";
    if (length > (ssize_t)strlen(end) && !offset) {
        path[length] = 0;
        char *file = path + length - strlen(end);
        if (!strcmp(file, end)) {
            strcpy(file, "/course");
            ssize_t found = answer(path, to, size);
            if (found != -2) return found;
        }
    }
    return ((Read)dlsym(RTLD_NEXT, name))(fd, to, size, offset);
}

ssize_t pread(int fd, void *to, size_t size, off_t offset) { return look("pread", fd, to, size, offset); }
ssize_t pread64(int fd, void *to, size_t size, off_t offset) { return look("pread64", fd, to, size, offset); }
