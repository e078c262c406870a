/* A simulated NVIDIA management library, for the tests and for demonstrations without a GPU.
 *
 * Built as libnvidia-ml.so.1, it is the lowest seam there is: everything above it runs unchanged. Its whole
 * state is one text file, named by SIMULATED_NVML_STATE, written in advance by `driver.py` and read again
 * whenever it changes. Numbers there are integers (nanoseconds, microwatts, parts per million), so that
 * neither locale nor rounding enters. No file means no driver: nvmlInit answers DRIVER_NOT_LOADED.
 *
 * The course of power is a list of steps with a closed integral; the energy counter shows that integral at
 * its ticks. Two processes that read at the same moment therefore see the same number, and the truth can be
 * computed elsewhere. Time is CLOCK_MONOTONIC. Only the board that follows the caller's processor time
 * ("follow") is private to each process: its energy is known from call to call.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define BOARDS 16
#define STEPS 4096
#define FAULTS 128
#define PIDS 64
#define SLICES 8
#define RING 1024
#define CONDITIONS 256
#define TEXT 96

enum { /* nvmlReturn_t */
    SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9, TIMEOUT = 10, GPU_IS_LOST = 15, VERSION_MISMATCH = 25, UNKNOWN = 999
};

enum { /* what a fault or a missing feature concerns; the same numbers stand in driver.py */
    ENERGY = 1, ENERGY_FIELD = 2, POWER = 4, AVERAGE = 8, INSTANT = 16, MODULE = 32, LIMIT = 64, PROCESSES = 128,
    UTILISATION = 256, RATES = 512, MIG = 1024, IDENTITY = 2048, FIELDS = 4096, INIT = 8192, OTHER = 16384,
    TEMPERATURE = 32768, CLOCK = 65536, EVENT_REASONS = 131072, THROTTLE_REASONS = 262144
};

enum { FAULT_ERROR, FAULT_RESET, FAULT_LOST, FAULT_SLOW, FAULT_HANG };

typedef struct { double t, watts, tau, ramp, p0, e0; } Step;
typedef struct { int kind, code, what; double from, to, seconds; } Fault;
typedef struct { double t; int64_t celsius, mhz, reasons; } Condition; /* -1: as the power tells */
typedef struct { unsigned pid, kind; double share; uint64_t memory; } Pid;

typedef struct {
    char name[TEXT], uuid[TEXT], slices[SLICES][TEXT];
    int architecture, major, minor, grace, mig_capable, follow, hidden;
    int step_count, fault_count, pid_count, slice_count, condition_count;
    double tick, jitter, phase, latency, duty, gain, call;
    double power_tick, averaging, instant, noise, ripple, ripple_hertz, limit;
    double follow_idle, follow_busy, follow_cores, module; /* module: watts of its processor, in module readings only */
    uint64_t start_mj;
    Step steps[STEPS];
    Fault faults[FAULTS];
    Pid pids[PIDS];
    Condition conditions[CONDITIONS];
} Board;

typedef struct {
    char version[TEXT];
    int loaded, count, fault_count;
    int64_t origin; /* CLOCK_MONOTONIC, ns: when the driver was loaded */
    Fault faults[FAULTS];
    Board boards[BOARDS];
} State;

/* What this process saw of a following board, and its running sum for a part-time counter. */
typedef struct { double t[RING], energy[RING], cpu, value; int head, count; int64_t tick; } Follow;
typedef struct { int64_t tick; double energy; } Partial;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static State *state;
static struct stat seen;
static Follow follows[BOARDS];
static Partial partials[BOARDS];
static int users;
static int64_t opened; /* when nvmlInit last made the library ready */

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }
__attribute__((constructor)) static void prepare(void) { pthread_atfork(before_fork, after_fork, after_fork); }

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double now(void) { return (double)(clock_ns(CLOCK_MONOTONIC) - state->origin) * 1e-9; }

static void pause_for(double seconds)
{
    if (seconds <= 0) return;
    struct timespec rest = { (time_t)seconds, (long)(fmod(seconds, 1.0) * 1e9) };
    nanosleep(&rest, NULL);
}

/* A number in [0, 1) that depends on nothing but its arguments. */
static double chance(uint64_t a, uint64_t b)
{
    uint64_t z = (a + 1) * 0x9E3779B97F4A7C15u + b * 0xD1B54A32D192ED03u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static double bell(uint64_t a, uint64_t b)
{
    double sum = 0;
    for (uint64_t i = 0; i < 12; i++) sum += chance(a * 16 + i, b);
    return sum - 6.0;
}

/* ---- the state file ------------------------------------------------------------------------------------- */

static double at(const State *s, int64_t ns) { return (double)(ns - s->origin) * 1e-9; }

static void parse_fault(const State *s, Fault *list, int *count, const int64_t *v)
{
    if (*count >= FAULTS) return;
    list[(*count)++] = (Fault){ (int)v[0], (int)v[3], (int)v[4], at(s, v[1]), at(s, v[2]), (double)v[5] * 1e-9 };
}

static void set(State *s, Board *b, const char *key, const char *rest, const int64_t *v)
{
    if (!strcmp(key, "origin")) s->origin = v[0];
    else if (!strcmp(key, "loaded")) s->loaded = (int)v[0];
    else if (!strcmp(key, "version")) snprintf(s->version, TEXT, "%s", rest);
    else if (!strcmp(key, "driver_fault")) parse_fault(s, s->faults, &s->fault_count, v);
    else if (!b) return;
    else if (!strcmp(key, "name")) snprintf(b->name, TEXT, "%s", rest);
    else if (!strcmp(key, "uuid")) snprintf(b->uuid, TEXT, "%s", rest);
    else if (!strcmp(key, "chip")) b->architecture = (int)v[0], b->major = (int)v[1], b->minor = (int)v[2];
    else if (!strcmp(key, "grace")) b->grace = (int)v[0], b->module = v[1] * 1e-6;
    else if (!strcmp(key, "mig")) b->mig_capable = (int)v[0];
    else if (!strcmp(key, "hidden")) b->hidden = (int)v[0];
    else if (!strcmp(key, "tick")) b->tick = v[0] * 1e-9, b->jitter = v[1] * 1e-9, b->phase = v[2] * 1e-9;
    else if (!strcmp(key, "latency")) b->latency = v[0] * 1e-9;
    else if (!strcmp(key, "duty")) b->duty = v[0] * 1e-9;
    else if (!strcmp(key, "gain")) b->gain = v[0] * 1e-6;
    else if (!strcmp(key, "call")) b->call = v[0] * 1e-9;
    else if (!strcmp(key, "start")) b->start_mj = (uint64_t)v[0];
    else if (!strcmp(key, "limit")) b->limit = v[0] * 1e-6;
    else if (!strcmp(key, "power"))
        b->power_tick = v[0] * 1e-9, b->averaging = v[1] * 1e-9, b->instant = v[2] * 1e-9, b->noise = v[3] * 1e-6;
    else if (!strcmp(key, "ripple")) b->ripple = v[0] * 1e-6, b->ripple_hertz = v[1] * 1e-6;
    else if (!strcmp(key, "follow"))
        b->follow = 1, b->follow_idle = v[0] * 1e-6, b->follow_busy = v[1] * 1e-6, b->follow_cores = v[2] * 1e-6;
    else if (!strcmp(key, "step") && b->step_count < STEPS)
        b->steps[b->step_count++] = (Step){ at(s, v[0]), v[1] * 1e-6, v[2] * 1e-9, v[3] * 1e-9, 0, 0 };
    else if (!strcmp(key, "fault")) parse_fault(s, b->faults, &b->fault_count, v);
    else if (!strcmp(key, "pid") && b->pid_count < PIDS)
        b->pids[b->pid_count++] = (Pid){ (unsigned)v[0], (unsigned)v[1], v[2] * 1e-6, (uint64_t)v[3] };
    else if (!strcmp(key, "condition") && b->condition_count < CONDITIONS)
        b->conditions[b->condition_count++] = (Condition){ at(s, v[0]), v[1], v[2], v[3] };
    else if (!strcmp(key, "slice") && b->slice_count < SLICES) snprintf(b->slices[b->slice_count++], TEXT, "%s", rest);
}

static double step_power(const Step *s, double x)
{
    if (s->tau > 0) return s->watts + (s->p0 - s->watts) * exp(-x / s->tau);
    if (x < s->ramp) return s->p0 + (s->watts - s->p0) * x / s->ramp;
    return s->watts;
}

static double step_energy(const Step *s, double x)
{
    double rise = s->p0 - s->watts;
    if (s->tau > 0) return s->watts * x + rise * s->tau * (1 - exp(-x / s->tau));
    if (x < s->ramp) return s->p0 * x - rise * x * x / (2 * s->ramp);
    return s->watts * x + rise * s->ramp / 2;
}

/* Reads the state anew where the file changed; without a file there is no driver. Called with the lock held. */
static int refresh(void)
{
    const char *path = getenv("SIMULATED_NVML_STATE");
    struct stat is;
    if (!path || stat(path, &is)) return DRIVER_NOT_LOADED;
    if (state && is.st_ino == seen.st_ino && is.st_size == seen.st_size && is.st_mtim.tv_sec == seen.st_mtim.tv_sec
        && is.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
        return state->loaded ? SUCCESS : DRIVER_NOT_LOADED;
    FILE *file = fopen(path, "re");
    State *fresh = calloc(1, sizeof *fresh);
    if (!file || !fresh) {
        if (file) fclose(file);
        free(fresh);
        return DRIVER_NOT_LOADED;
    }
    char line[512];
    Board *board = NULL;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *rest = strchr(line, ' ');
        if (rest) *rest++ = 0;
        else rest = line + strlen(line);
        if (!strcmp(line, "board")) {
            board = fresh->count < BOARDS ? &fresh->boards[fresh->count++] : NULL;
            continue;
        }
        int64_t values[6] = { 0 };
        char *next = rest;
        for (int i = 0; i < 6 && *next; i++) values[i] = strtoll(next, &next, 10);
        set(fresh, board, line, rest, values);
    }
    fclose(file);
    for (int i = 0; i < fresh->count; i++) {
        Step *s = fresh->boards[i].steps;
        for (int k = 1; k < fresh->boards[i].step_count; k++) {
            double x = s[k].t - s[k - 1].t;
            s[k].p0 = step_power(&s[k - 1], x);
            s[k].e0 = s[k - 1].e0 + step_energy(&s[k - 1], x);
        }
    }
    free(state);
    state = fresh;
    seen = is;
    memset(partials, 0, sizeof partials);
    for (int i = 0; i < BOARDS; i++) partials[i].tick = INT64_MIN;
    return state->loaded ? SUCCESS : DRIVER_NOT_LOADED;
}

/* ---- energy as a function of time ------------------------------------------------------------------------ */

static void follow_sample(int index)
{
    Board *b = &state->boards[index];
    Follow *f = &follows[index];
    double t = now(), cpu = (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) * 1e-9;
    double watts = b->follow_busy / b->follow_cores;
    if (!f->count) {
        f->t[0] = t, f->energy[0] = b->follow_idle * t + watts * cpu, f->cpu = cpu, f->count = 1, f->head = 0;
        f->tick = INT64_MIN;
        return;
    }
    double dt = t - f->t[f->head], used = cpu - f->cpu;
    if (dt <= 0) return;
    if (used < 0) used = 0; /* a forked child starts to count anew */
    if (used > dt * b->follow_cores) used = dt * b->follow_cores;
    double energy = f->energy[f->head] + b->follow_idle * dt + watts * used;
    int last = (f->head + RING - 1) % RING;
    if (f->count < 2 || f->t[f->head] - f->t[last] >= 0.005) {
        f->head = (f->head + 1) % RING;
        if (f->count < RING) f->count++;
    }
    f->t[f->head] = t, f->energy[f->head] = energy, f->cpu = cpu;
}

static double follow_energy(int index, double t)
{
    Follow *f = &follows[index];
    int high = f->head;
    for (int i = 1; i < f->count; i++) {
        int low = (f->head + RING - i) % RING;
        if (f->t[low] <= t) {
            double span = f->t[high] - f->t[low];
            return span > 0 ? f->energy[low] + (f->energy[high] - f->energy[low]) * (t - f->t[low]) / span : f->energy[low];
        }
        high = low;
    }
    return f->energy[high] - state->boards[index].follow_idle * (f->t[high] - t);
}

/* Joules from the driver's start to t: the truth. */
static double energy(int index, double t)
{
    Board *b = &state->boards[index];
    if (b->follow) return follow_energy(index, t);
    int low = 0, high = b->step_count - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (b->steps[middle].t <= t) low = middle;
        else high = middle - 1;
    }
    double joules = b->steps[low].e0 + step_energy(&b->steps[low], t - b->steps[low].t);
    if (b->ripple > 0 && b->ripple_hertz > 0) {
        double w = 2 * M_PI * b->ripple_hertz;
        joules += b->ripple / w * (1 - cos(w * t));
    }
    return joules;
}

static double tick_time(int index, int64_t k)
{
    Board *b = &state->boards[index];
    double shift = b->jitter > 0 ? b->jitter * (2 * chance((uint64_t)index, (uint64_t)k) - 1) : 0;
    return b->phase + (double)k * b->tick + shift;
}

static int64_t last_tick(int index, double t)
{
    Board *b = &state->boards[index];
    int64_t k = (int64_t)floor((t - b->phase) / b->tick);
    if (tick_time(index, k + 1) <= t) return k + 1;
    return tick_time(index, k) > t ? k - 1 : k;
}

/* Joules that the counter has gathered at tick k, gain included. */
static double gathered(int index, int64_t k)
{
    Board *b = &state->boards[index];
    if (k < 0) return 0;
    if (b->duty <= 0 || b->duty >= b->tick || b->follow) return b->gain * energy(index, tick_time(index, k) - b->latency);
    /* Integrates only the last part of each period and takes the whole for it. */
    Partial *p = &partials[index];
    if (p->tick > k || p->tick < 0) p->tick = 0, p->energy = 0;
    while (p->tick < k) {
        p->tick++;
        double end = tick_time(index, p->tick) - b->latency, length = end - tick_time(index, p->tick - 1) + b->latency;
        p->energy += (energy(index, end) - energy(index, end - b->duty)) / b->duty * length;
    }
    return b->gain * p->energy;
}

static uint64_t counter_mj(int index, double t)
{
    Board *b = &state->boards[index];
    int64_t k = last_tick(index, t);
    double reset = -1;
    for (int i = 0; i < b->fault_count; i++)
        if (b->faults[i].kind == FAULT_RESET && b->faults[i].from <= t && b->faults[i].from > reset)
            reset = b->faults[i].from;
    if (b->follow) {
        Follow *f = &follows[index];
        if (k != f->tick) {
            double value = gathered(index, k);
            if (value > f->value || f->tick == INT64_MIN) f->value = value;
            f->tick = k;
        }
        return b->start_mj + (uint64_t)(f->value * 1000);
    }
    if (reset < 0) return b->start_mj + (uint64_t)(gathered(index, k) * 1000);
    int64_t zero = last_tick(index, reset);
    if (k <= zero) return 0;
    double base = gathered(index, zero);
    return (uint64_t)((gathered(index, k) - base) * 1000);
}

static unsigned power_mw(int index, double t, double window)
{
    Board *b = &state->boards[index];
    int64_t k = (int64_t)floor((t - b->phase) / b->power_tick);
    double shown = b->phase + (double)k * b->power_tick;
    double watts = (energy(index, shown) - energy(index, shown - window)) / window * b->gain;
    watts += b->noise * bell((uint64_t)index + 77, (uint64_t)k);
    return watts > 0 ? (unsigned)(watts * 1000) : 0;
}

/* ---- calls ------------------------------------------------------------------------------------------------ */

typedef struct { unsigned long opaque; } Handle; /* only its address travels: 16 bits of board, 16 of slice */

static Handle *make_handle(int board, int slice) { return (Handle *)(uintptr_t)(((board + 1) << 8) | (slice + 1)); }

static int fault_on(const Fault *list, int count, int what, double t, double *seconds)
{
    int code = SUCCESS;
    for (int i = 0; i < count; i++) {
        const Fault *f = &list[i];
        if (t < f->from || (f->kind != FAULT_LOST && t >= f->to)) continue;
        /* A lost board answers again after its return only to those who opened the library since. */
        if (f->kind == FAULT_LOST) {
            if (at(state, opened) < f->to) return GPU_IS_LOST;
            continue;
        }
        if (!(f->what & what)) continue;
        if (f->kind == FAULT_SLOW) *seconds += f->seconds;
        if (f->kind == FAULT_HANG) *seconds += f->to - t, code = TIMEOUT;
        if (f->kind == FAULT_ERROR && !code) code = f->code;
    }
    return code;
}

/* Every call begins here. On SUCCESS the lock is held and `index` and `slice` are set; the wait that the
 * board asks for is split around the moment of reading, as a slow driver's is. */
static int enter(Handle *handle, int what, int *index, int *slice, double *rest)
{
    pthread_mutex_lock(&lock);
    int code = users ? refresh() : UNINITIALIZED;
    int board = (int)((uintptr_t)handle >> 8) - 1, part = (int)((uintptr_t)handle & 0xff) - 1;
    double seconds = 0;
    if (!code && (board < 0 || board >= state->count || part >= state->boards[board].slice_count)) code = INVALID_ARGUMENT;
    if (!code) {
        Board *b = &state->boards[board];
        seconds = b->call;
        code = fault_on(state->faults, state->fault_count, what, now(), &seconds);
        if (!code) code = fault_on(b->faults, b->fault_count, what, now(), &seconds);
    }
    if (seconds > 0) {
        pthread_mutex_unlock(&lock);
        pause_for(seconds / 2);
        pthread_mutex_lock(&lock);
        if (!code) code = users ? refresh() : UNINITIALIZED;
        if (!code && board >= state->count) code = INVALID_ARGUMENT;
    }
    *index = board, *slice = part, *rest = seconds / 2;
    if (code) {
        pthread_mutex_unlock(&lock);
        pause_for(*rest);
    } else if (state->boards[board].follow)
        follow_sample(board);
    return code;
}

static int leave(int code, double rest)
{
    pthread_mutex_unlock(&lock);
    pause_for(rest);
    return code;
}

#define ENTER(what)                                                     \
    int index, slice;                                                   \
    double rest;                                                        \
    int code = enter(handle, what, &index, &slice, &rest);              \
    if (code) return code;                                              \
    Board *board = &state->boards[index];                               \
    (void)board

#define WHOLE_BOARD_ONLY \
    if (slice >= 0) return leave(NOT_SUPPORTED, rest)

EXPORT int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    pthread_mutex_lock(&lock);
    int code = refresh();
    double seconds = 0;
    if (!code) {
        code = fault_on(state->faults, state->fault_count, INIT, now(), &seconds);
        if (code == GPU_IS_LOST) code = SUCCESS;
    }
    if (!code && !users++) opened = clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; !code && i < state->count; i++)
        if (state->boards[i].follow) follow_sample(i);
    return leave(code, seconds);
}

EXPORT int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
EXPORT int nvmlInit(void) { return nvmlInitWithFlags(0); }

EXPORT int nvmlShutdown(void)
{
    pthread_mutex_lock(&lock);
    int code = users ? SUCCESS : UNINITIALIZED;
    if (users) users--;
    return leave(code, 0);
}

EXPORT const char *nvmlErrorString(int code)
{
    static const char *const words[] = {
        "Success", "Uninitialized", "Invalid Argument", "Not Supported", "Insufficient Permissions", "Already Initialized",
        "Not Found", "Insufficient Size", "Insufficient External Power", "Driver Not Loaded", "Timeout",
        "Interrupt Request Issue", "NVML Shared Library Not Found", "Function Not Found", "Corrupted infoROM",
        "GPU is lost", "GPU requires restart", "The operating system has blocked the request.",
        "RM has detected an NVML/RM version mismatch.", "In use", "Insufficient Memory"
    };
    return code >= 0 && code < (int)(sizeof words / sizeof *words) ? words[code] : "Unknown Error";
}

/* Copies text out as the driver does: a buffer that is too small is an error, not a cut. */
static int give(char *to, unsigned length, const char *text)
{
    if (!to) return INVALID_ARGUMENT;
    if (strlen(text) + 1 > length) return INSUFFICIENT_SIZE;
    strcpy(to, text);
    return SUCCESS;
}

static int enter_system(int what)
{
    pthread_mutex_lock(&lock);
    int code = users ? refresh() : UNINITIALIZED;
    double seconds = 0;
    if (!code) code = fault_on(state->faults, state->fault_count, what, now(), &seconds);
    if (code == GPU_IS_LOST) code = SUCCESS;
    if (code) leave(code, seconds);
    return code;
}

EXPORT int nvmlSystemGetDriverVersion(char *version, unsigned length)
{
    int code = enter_system(OTHER);
    return code ? code : leave(give(version, length, state->version), 0);
}

EXPORT int nvmlSystemGetNVMLVersion(char *version, unsigned length)
{
    int code = enter_system(OTHER);
    return code ? code : leave(give(version, length, "12.0.simulated"), 0);
}

EXPORT int nvmlSystemGetCudaDriverVersion(int *version)
{
    int code = enter_system(OTHER);
    if (code) return code;
    *version = 12080;
    return leave(SUCCESS, 0);
}

EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *version) { return nvmlSystemGetCudaDriverVersion(version); }

EXPORT int nvmlDeviceGetCount_v2(unsigned *count)
{
    int code = enter_system(OTHER);
    if (code) return code;
    *count = (unsigned)state->count;
    return leave(SUCCESS, 0);
}

EXPORT int nvmlDeviceGetCount(unsigned *count) { return nvmlDeviceGetCount_v2(count); }

/* A board that is lost, or that may not be touched, gives no handle either. */
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned number, Handle **out)
{
    Handle *handle = make_handle((int)number, -1);
    ENTER(IDENTITY);
    *out = handle;
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetHandleByIndex(unsigned number, Handle **out) { return nvmlDeviceGetHandleByIndex_v2(number, out); }

EXPORT int nvmlDeviceGetHandleByUUID(const char *uuid, Handle **out)
{
    int code = enter_system(OTHER);
    if (code) return code;
    Handle *found = NULL;
    for (int i = 0; i < state->count; i++) {
        if (!strcmp(uuid, state->boards[i].uuid)) found = make_handle(i, -1);
        for (int k = 0; k < state->boards[i].slice_count; k++)
            if (!strcmp(uuid, state->boards[i].slices[k])) found = make_handle(i, k);
    }
    leave(SUCCESS, 0);
    if (!found) return NOT_FOUND;
    Handle *handle = found;
    {
        ENTER(IDENTITY);
        *out = handle;
        return leave(SUCCESS, rest);
    }
}

EXPORT int nvmlDeviceGetName(Handle *handle, char *name, unsigned length)
{
    ENTER(IDENTITY);
    char full[2 * TEXT];
    snprintf(full, sizeof full, "%s%s", board->name, slice >= 0 ? " MIG 1g" : "");
    return leave(give(name, length, full), rest);
}

EXPORT int nvmlDeviceGetUUID(Handle *handle, char *uuid, unsigned length)
{
    ENTER(IDENTITY);
    return leave(give(uuid, length, slice >= 0 ? board->slices[slice] : board->uuid), rest);
}

EXPORT int nvmlDeviceGetIndex(Handle *handle, unsigned *number)
{
    ENTER(IDENTITY);
    *number = (unsigned)(slice >= 0 ? slice : index);
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetMinorNumber(Handle *handle, unsigned *number)
{
    ENTER(IDENTITY);
    *number = (unsigned)index;
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetBrand(Handle *handle, int *brand)
{
    ENTER(IDENTITY);
    *brand = 14;
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetArchitecture(Handle *handle, unsigned *architecture)
{
    ENTER(IDENTITY);
    *architecture = (unsigned)board->architecture;
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetCudaComputeCapability(Handle *handle, int *major, int *minor)
{
    ENTER(IDENTITY);
    *major = board->major, *minor = board->minor;
    return leave(SUCCESS, rest);
}

typedef struct {
    char legacy[16];
    unsigned domain, bus, device, id, subsystem;
    char bus_id[32];
} Pci;

EXPORT int nvmlDeviceGetPciInfo_v3(Handle *handle, Pci *pci)
{
    ENTER(IDENTITY);
    memset(pci, 0, sizeof *pci);
    pci->bus = (unsigned)index + 1, pci->id = 0x000010de;
    snprintf(pci->legacy, sizeof pci->legacy, "0000:%02X:00.0", pci->bus & 0xff);
    snprintf(pci->bus_id, sizeof pci->bus_id, "00000000:%02X:00.0", pci->bus & 0xff);
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetPciInfo_v2(Handle *handle, Pci *pci) { return nvmlDeviceGetPciInfo_v3(handle, pci); }
EXPORT int nvmlDeviceGetPciInfo(Handle *handle, Pci *pci) { return nvmlDeviceGetPciInfo_v3(handle, pci); }

/* ---- energy and power ------------------------------------------------------------------------------------- */

EXPORT int nvmlDeviceGetTotalEnergyConsumption(Handle *handle, unsigned long long *mj)
{
    ENTER(ENERGY);
    WHOLE_BOARD_ONLY;
    *mj = counter_mj(index, now()) + (uint64_t)(board->module * 1000 * floor(now()));
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetPowerUsage(Handle *handle, unsigned *mw)
{
    ENTER(POWER);
    WHOLE_BOARD_ONLY;
    *mw = power_mw(index, now(), board->averaging);
    return leave(SUCCESS, rest);
}

static int limit(Handle *handle, unsigned *low, unsigned *high, double share)
{
    ENTER(LIMIT);
    WHOLE_BOARD_ONLY;
    if (low) *low = (unsigned)(board->limit * share * 1000);
    if (high) *high = (unsigned)(board->limit * 1000);
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetEnforcedPowerLimit(Handle *handle, unsigned *mw) { return limit(handle, NULL, mw, 1); }
EXPORT int nvmlDeviceGetPowerManagementLimit(Handle *handle, unsigned *mw) { return limit(handle, NULL, mw, 1); }
EXPORT int nvmlDeviceGetPowerManagementDefaultLimit(Handle *handle, unsigned *mw) { return limit(handle, NULL, mw, 1); }

EXPORT int nvmlDeviceGetPowerManagementLimitConstraints(Handle *handle, unsigned *low, unsigned *high)
{
    return limit(handle, low, high, 0.25);
}

typedef struct {
    unsigned id, scope;
    long long timestamp, latency;
    int type, code;
    union { unsigned u; unsigned long long ull; double d; } value;
} Field;

static void answer(Board *board, int index, int slice, Field *f, double t)
{
    int what = f->id == 83 || f->id == 191 ? ENERGY_FIELD : f->id == 185 ? AVERAGE : f->id == 186 ? INSTANT
             : f->id >= 187 && f->id <= 192 ? LIMIT : 0;
    double ignored = 0;
    f->timestamp = clock_ns(CLOCK_REALTIME) / 1000;
    f->latency = 1;
    f->code = NOT_SUPPORTED;
    int module = f->scope == 1;
    if (!what || slice >= 0 || f->scope > 1 || (board->grace < 2 && module != board->grace)) return;
    if (module) what |= MODULE;
    f->code = fault_on(board->faults, board->fault_count, what, t, &ignored);
    if (f->code) return;
    double watts = module ? board->module : 0;
    if (what & ENERGY_FIELD) f->type = 3, f->value.ull = counter_mj(index, t) + (uint64_t)(watts * 1000 * floor(t));
    else if (what & LIMIT) f->type = 1, f->value.u = (unsigned)(board->limit * 1000 * (f->id == 187 ? 0.25 : 1));
    else f->type = 1, f->value.u = power_mw(index, t, what & AVERAGE ? 1.0 : board->instant) + (unsigned)(watts * 1000);
}

EXPORT int nvmlDeviceGetFieldValues(Handle *handle, int count, Field *fields)
{
    ENTER(FIELDS);
    double t = now();
    for (int i = 0; i < count; i++) answer(board, index, slice, &fields[i], t);
    return leave(SUCCESS, rest);
}

typedef struct { unsigned long long timestamp, value; } Sample;

EXPORT int nvmlDeviceGetSamples(Handle *handle, int type, unsigned long long since, int *value_type, unsigned *count, Sample *out)
{
    (void)type, (void)since, (void)value_type, (void)count, (void)out;
    ENTER(OTHER);
    return leave(NOT_SUPPORTED, rest);
}

/* pynvml hands over room for one number only, without the version that the header puts before it. */
EXPORT int nvmlDeviceGetC2cModeInfoV(Handle *handle, unsigned *enabled)
{
    ENTER(OTHER);
    if (!board->grace) return leave(NOT_SUPPORTED, rest);
    *enabled = 1;
    return leave(SUCCESS, rest);
}

/* ---- who uses the board ----------------------------------------------------------------------------------- */

static double follow_share(int index)
{
    Board *b = &state->boards[index];
    double t = now(), watts = (energy(index, t) - energy(index, t - 1.0)) - b->follow_idle;
    double share = watts / b->follow_busy;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* A following board is used by whoever asks; others have the list of the state file. */
static int pids_of(int index, Pid *out)
{
    Board *b = &state->boards[index];
    int count = b->pid_count;
    memcpy(out, b->pids, sizeof b->pids);
    if (b->follow && count < PIDS) out[count++] = (Pid){ (unsigned)getpid(), 0, follow_share(index), 1u << 30 };
    return b->hidden ? 0 : count;
}

typedef struct {
    unsigned pid;
    unsigned long long memory;
    unsigned gpu_instance, compute_instance;
} ProcessInfo;

static int running(Handle *handle, unsigned *count, ProcessInfo *out, unsigned kind)
{
    ENTER(PROCESSES);
    Pid pids[PIDS];
    int all = pids_of(index, pids);
    unsigned room = *count, found = 0;
    for (int i = 0; i < all; i++)
        if (pids[i].kind == kind) {
            if (out && found < room) out[found] = (ProcessInfo){ pids[i].pid, pids[i].memory, ~0u, ~0u };
            found++;
        }
    *count = found;
    return leave(found > room || (found && !out) ? INSUFFICIENT_SIZE : SUCCESS, rest);
}

EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(Handle *h, unsigned *n, ProcessInfo *p) { return running(h, n, p, 0); }
EXPORT int nvmlDeviceGetComputeRunningProcesses_v2(Handle *h, unsigned *n, ProcessInfo *p) { return running(h, n, p, 0); }
EXPORT int nvmlDeviceGetGraphicsRunningProcesses_v3(Handle *h, unsigned *n, ProcessInfo *p) { return running(h, n, p, 1); }
EXPORT int nvmlDeviceGetGraphicsRunningProcesses_v2(Handle *h, unsigned *n, ProcessInfo *p) { return running(h, n, p, 1); }

typedef struct {
    unsigned pid;
    unsigned long long timestamp;
    unsigned sm, memory, encoder, decoder;
} UtilisationSample;

EXPORT int nvmlDeviceGetProcessUtilization(Handle *handle, UtilisationSample *out, unsigned *count, unsigned long long since)
{
    ENTER(UTILISATION);
    if (slice >= 0 || board->slice_count) return leave(NOT_SUPPORTED, rest);
    Pid pids[PIDS];
    int all = pids_of(index, pids);
    /* Up to five samples a process, one each 200 ms of wall clock, none older than asked for. */
    unsigned long long stamp = (unsigned long long)(clock_ns(CLOCK_REALTIME) / 200000000) * 200000;
    unsigned room = out ? *count : 0, found = 0;
    for (int i = 0; i < all; i++)
        for (int k = 0; k < 5 && pids[i].share > 0; k++) {
            unsigned long long when = stamp - (unsigned)k * 200000u;
            if (when <= since) break;
            unsigned sm = (unsigned)lround(pids[i].share * 100);
            if (found < room) out[found] = (UtilisationSample){ pids[i].pid, when, sm, sm / 2, 0, 0 };
            found++;
        }
    *count = found;
    return leave(!found ? NOT_FOUND : found > room ? INSUFFICIENT_SIZE : SUCCESS, rest);
}

EXPORT int nvmlDeviceGetUtilizationRates(Handle *handle, unsigned rates[2])
{
    ENTER(RATES);
    if (slice >= 0 || board->slice_count) return leave(NOT_SUPPORTED, rest);
    Pid pids[PIDS];
    int all = pids_of(index, pids);
    double share = 0;
    for (int i = 0; i < all; i++) share += pids[i].share;
    rates[0] = (unsigned)lround((share > 1 ? 1 : share) * 100), rates[1] = rates[0] / 2;
    return leave(SUCCESS, rest);
}

static int memory(Handle *handle, unsigned long long *total, unsigned long long *reserved, unsigned long long *unused, unsigned long long *used)
{
    ENTER(OTHER);
    Pid pids[PIDS];
    int all = pids_of(index, pids);
    *total = 24ull << 30, *used = 512ull << 20, *reserved = 256ull << 20;
    for (int i = 0; i < all; i++) *used += pids[i].memory;
    *unused = *total - *used - *reserved;
    return leave(SUCCESS, rest);
}

typedef struct { unsigned long long total, unused, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, unused, used; } Memory2;

EXPORT int nvmlDeviceGetMemoryInfo(Handle *handle, Memory *m)
{
    unsigned long long reserved = 0;
    int code = memory(handle, &m->total, &reserved, &m->unused, &m->used);
    m->used += reserved;
    return code;
}

EXPORT int nvmlDeviceGetMemoryInfo_v2(Handle *handle, Memory2 *m)
{
    if (m->version != (sizeof *m | 2u << 24)) return VERSION_MISMATCH;
    return memory(handle, &m->total, &m->reserved, &m->unused, &m->used);
}

/* How the board does now: what was planned for it, else what its power tells. */
static Condition condition_now(int index)
{
    Board *b = &state->boards[index];
    double t = now(), idle = b->follow ? b->follow_idle : b->steps[0].watts;
    int busy = (energy(index, t) - energy(index, t - 0.02)) / 0.02 > 1.1 * idle + 2 * b->ripple;
    Condition is = { t, 30 + power_mw(index, t, 1.0) / 10000, busy ? 1710 : 210, busy ? 0 : 1 };
    for (int i = 0; i < b->condition_count && b->conditions[i].t <= t; i++) {
        const Condition *c = &b->conditions[i];
        if (c->celsius >= 0) is.celsius = c->celsius;
        if (c->mhz >= 0 && busy) is.mhz = c->mhz;
        if (c->reasons >= 0 && busy) is.reasons = c->reasons;
    }
    return is;
}

EXPORT int nvmlDeviceGetTemperature(Handle *handle, int sensor, unsigned *celsius)
{
    (void)sensor;
    ENTER(TEMPERATURE);
    WHOLE_BOARD_ONLY;
    *celsius = (unsigned)condition_now(index).celsius;
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetClockInfo(Handle *handle, int type, unsigned *mhz)
{
    (void)type;
    ENTER(CLOCK);
    WHOLE_BOARD_ONLY;
    *mhz = (unsigned)condition_now(index).mhz;
    return leave(SUCCESS, rest);
}

static int reasons_of(Handle *handle, unsigned long long *reasons, int what)
{
    ENTER(what);
    WHOLE_BOARD_ONLY;
    *reasons = (unsigned long long)condition_now(index).reasons;
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetCurrentClocksEventReasons(Handle *h, unsigned long long *r) { return reasons_of(h, r, EVENT_REASONS); }
EXPORT int nvmlDeviceGetCurrentClocksThrottleReasons(Handle *h, unsigned long long *r) { return reasons_of(h, r, THROTTLE_REASONS); }

typedef struct { unsigned version; int sensor, celsius; } Temperature;

EXPORT int nvmlDeviceGetTemperatureV(Handle *handle, Temperature *t)
{
    unsigned celsius = 0;
    if (t->version != (sizeof *t | 1u << 24)) return VERSION_MISMATCH;
    int code = nvmlDeviceGetTemperature(handle, t->sensor, &celsius);
    t->celsius = (int)celsius;
    return code;
}

EXPORT int nvmlDeviceGetPersistenceMode(Handle *handle, int *mode)
{
    ENTER(OTHER);
    *mode = 1;
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetComputeMode(Handle *handle, int *mode)
{
    ENTER(OTHER);
    *mode = 0;
    return leave(SUCCESS, rest);
}

/* ---- MIG -------------------------------------------------------------------------------------------------- */

EXPORT int nvmlDeviceGetMigMode(Handle *handle, unsigned *current, unsigned *pending)
{
    ENTER(MIG);
    WHOLE_BOARD_ONLY;
    if (!board->mig_capable) return leave(NOT_SUPPORTED, rest);
    *current = *pending = board->slice_count > 0;
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetMaxMigDeviceCount(Handle *handle, unsigned *count)
{
    ENTER(MIG);
    *count = board->mig_capable ? 7 : 0;
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(Handle *handle, unsigned number, Handle **out)
{
    ENTER(MIG);
    if (!board->slice_count) return leave(NOT_SUPPORTED, rest);
    if (slice >= 0 || number >= (unsigned)board->slice_count) return leave(NOT_FOUND, rest);
    *out = make_handle(index, (int)number);
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Handle *handle, Handle **out)
{
    ENTER(MIG);
    if (slice < 0) return leave(INVALID_ARGUMENT, rest);
    *out = make_handle(index, -1);
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceIsMigDeviceHandle(Handle *handle, unsigned *is)
{
    ENTER(MIG);
    *is = slice >= 0;
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetGpuInstanceId(Handle *handle, unsigned *id)
{
    ENTER(MIG);
    if (slice < 0) return leave(NOT_SUPPORTED, rest);
    *id = (unsigned)slice;
    return leave(SUCCESS, rest);
}

EXPORT int nvmlDeviceGetComputeInstanceId(Handle *handle, unsigned *id)
{
    ENTER(MIG);
    if (slice < 0) return leave(NOT_SUPPORTED, rest);
    *id = 0;
    return leave(SUCCESS, rest);
}
