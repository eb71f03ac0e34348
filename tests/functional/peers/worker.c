/*
 * A worker of libgearman.
 *
 * worker PORT ID [MODE]
 *
 * Modes: job, uniq and all are what it asks for when it grabs; timeout returns
 * from waiting every tenth of a second; byhand grabs a job without work();
 * turncoat, told to quit, drops all of its functions for another one instead.
 */

#define _POSIX_C_SOURCE 200809L

#include <libgearman/gearman.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *id;

/* The job's payload as a string. */
static char *text_of(gearman_job_st *job)
{
    size_t size = gearman_job_workload_size(job);
    char *text = malloc(size + 1);
    if (size > 0) {
        memcpy(text, gearman_job_workload(job), size);
    }
    text[size] = '\0';
    return text;
}

/* Add a line to a file that other processes add lines to as well. */
static void note(const char *path, const char *line)
{
    FILE *file = fopen(path, "a");
    fprintf(file, "%s\n", line);
    fclose(file);
}

static void *reverse(
    gearman_job_st *job, void *context, size_t *size, gearman_return_t *code)
{
    (void) context;
    const char *workload = gearman_job_workload(job);
    *size = gearman_job_workload_size(job);
    char *result = malloc(*size + 1);
    for (size_t at = 0; at < *size; at++) {
        result[at] = workload[*size - 1 - at];
    }
    *code = GEARMAN_SUCCESS;
    return result;
}

static gearman_return_t echo(gearman_job_st *job, void *context)
{
    (void) context;
    size_t size = gearman_job_workload_size(job);
    return gearman_job_send_complete(job, gearman_job_workload(job), size);
}

static gearman_return_t unique(gearman_job_st *job, void *context)
{
    (void) context;
    const char *text = gearman_job_unique(job);
    return gearman_job_send_complete(job, text, strlen(text));
}

static gearman_return_t chatty(gearman_job_st *job, void *context)
{
    (void) context;
    gearman_job_send_status(job, 1, 4);
    gearman_job_send_data(job, "first ", 6);
    gearman_job_send_warning(job, "careful", 7);
    gearman_job_send_status(job, 4, 4);
    return gearman_job_send_complete(job, "done", 4);
}

static gearman_return_t fails(gearman_job_st *job, void *context)
{
    (void) job;
    (void) context;
    return GEARMAN_FATAL;
}

static gearman_return_t excepts(gearman_job_st *job, void *context)
{
    (void) context;
    return gearman_job_send_exception(job, "what went wrong", 15);
}

/* Asks for another try until the third one. */
static gearman_return_t flaky(gearman_job_st *job, void *context)
{
    int *tries = context;
    if (++*tries < 3) {
        return GEARMAN_ERROR;
    }
    return gearman_job_send_complete(job, "third try", 9);
}

/* Workload: the path of a file to write the text after the colon to. */
static gearman_return_t write_down(gearman_job_st *job, void *context)
{
    (void) context;
    char line[512];
    char *path = text_of(job);
    char *colon = strchr(path, ':');
    struct timespec now;
    /* Not time(), which may be a few milliseconds behind. */
    clock_gettime(CLOCK_REALTIME, &now);
    *colon = '\0';
    snprintf(line, sizeof line, "%s %ld", colon + 1, (long) now.tv_sec);
    note(path, line);
    free(path);
    return gearman_job_send_complete(job, "written", 7);
}

/* Workload: a file whose appearance lets the job end. */
static gearman_return_t held(gearman_job_st *job, void *context)
{
    (void) context;
    char *path = text_of(job);
    struct timespec moment = {0, 10000000};
    gearman_job_send_status(job, 3, 7);
    while (access(path, F_OK) != 0) {
        nanosleep(&moment, NULL);
    }
    free(path);
    return gearman_job_send_complete(job, "released", 8);
}

/* Workload: a file. The first worker to note itself there never returns. */
static gearman_return_t stuck_once(gearman_job_st *job, void *context)
{
    (void) context;
    char line[32];
    char *path = text_of(job);
    bool first = access(path, F_OK) != 0;
    snprintf(line, sizeof line, "%ld", (long) getpid());
    note(path, line);
    free(path);
    if (first) {
        sleep(600);
    }
    return gearman_job_send_complete(job, id, strlen(id));
}

static gearman_return_t quit(gearman_job_st *job, void *context)
{
    (void) context;
    gearman_job_send_complete(job, "bye", 3);
    return GEARMAN_SHUTDOWN;
}

/* Hand each word of the workload to the function the client named. */
static gearman_return_t split(gearman_job_st *job, void *context)
{
    (void) context;
    char *text = text_of(job);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        if (gearman_failed(gearman_job_send_data(job, word, strlen(word)))) {
            free(text);
            return GEARMAN_ERROR;
        }
    }
    free(text);
    return GEARMAN_SUCCESS;
}

/* Put together what became of the words. */
static gearman_return_t join(
    gearman_aggregator_st *aggregator, gearman_task_st *task, gearman_result_st *result)
{
    (void) aggregator;
    char joined[512] = "";
    size_t used = 0;
    for (; task != NULL; task = gearman_next(task)) {
        gearman_result_st *part = gearman_task_result(task);
        if (part == NULL || used + gearman_result_size(part) + 1 > sizeof joined) {
            return GEARMAN_FATAL;
        }
        memcpy(joined + used, gearman_result_value(part), gearman_result_size(part));
        used += gearman_result_size(part);
        joined[used++] = ' ';
    }
    return gearman_result_store_value(result, joined, used);
}

static void define(
    gearman_worker_st *worker, const char *name, gearman_function_t function,
    void *context)
{
    gearman_return_t code = gearman_worker_define_function(
        worker, name, strlen(name), function, 0, context);
    if (gearman_failed(code)) {
        fprintf(stderr, "%s: %s\n", name, gearman_worker_error(worker));
        exit(1);
    }
}

/* Grab one job and answer with its function's name. (Release 1.1.20 crashes when
 * it grabs another one after that.) */
static int grab_by_hand(gearman_worker_st *worker)
{
    gearman_return_t code;
    gearman_job_st *job;
    struct timespec moment = {0, 10000000};
    gearman_worker_register(worker, "byHand", 0);
    while ((job = gearman_worker_grab_job(worker, NULL, &code)) == NULL) {
        if (code != GEARMAN_NO_JOBS) {
            fprintf(stderr, "%s\n", gearman_strerror(code));
            return 1;
        }
        nanosleep(&moment, NULL);
    }
    const char *name = gearman_job_function_name(job);
    code = gearman_job_send_complete(job, name, strlen(name));
    gearman_job_free(job);
    return gearman_failed(code);
}

int main(int count, char **arguments)
{
    if (count < 3) {
        return 2;
    }
    id = arguments[2];
    const char *mode = count > 3 ? arguments[3] : "";
    gearman_worker_st *worker = gearman_worker_create(NULL);
    in_port_t port = (in_port_t) atoi(arguments[1]);
    gearman_worker_add_server(worker, "127.0.0.1", port);
    gearman_worker_set_identifier(worker, id, strlen(id));
    setvbuf(stdout, NULL, _IOLBF, 0);

    if (strcmp(mode, "byhand") == 0) {
        return grab_by_hand(worker);
    }
    if (strcmp(mode, "job") == 0) {
        gearman_worker_remove_options(
            worker, GEARMAN_WORKER_GRAB_ALL | GEARMAN_WORKER_GRAB_UNIQ);
    } else if (strcmp(mode, "uniq") == 0) {
        gearman_worker_remove_options(worker, GEARMAN_WORKER_GRAB_ALL);
        gearman_worker_add_options(worker, GEARMAN_WORKER_GRAB_UNIQ);
    } else if (strcmp(mode, "all") == 0) {
        gearman_worker_add_options(worker, GEARMAN_WORKER_GRAB_ALL);
    } else if (strcmp(mode, "timeout") == 0) {
        gearman_worker_set_timeout(worker, 100);
    }

    int tries = 0;
    gearman_worker_add_function(worker, "reverse", 0, reverse, NULL);
    define(worker, "echo", gearman_function_create(echo), NULL);
    define(worker, "unique", gearman_function_create(unique), NULL);
    define(worker, "chatty", gearman_function_create(chatty), NULL);
    define(worker, "fails", gearman_function_create(fails), NULL);
    define(worker, "excepts", gearman_function_create(excepts), NULL);
    define(worker, "flaky", gearman_function_create(flaky), &tries);
    define(worker, "write", gearman_function_create(write_down), NULL);
    define(worker, "held", gearman_function_create(held), NULL);
    define(worker, "stuckOnce", gearman_function_create(stuck_once), NULL);
    define(worker, "quit", gearman_function_create(quit), NULL);
    define(worker, "words", gearman_function_create_partition(split, join), NULL);

    gearman_return_t code;
    do {
        code = gearman_worker_work(worker);
        if (code == GEARMAN_TIMEOUT) {
            puts("timeout");
        }
        if (code == GEARMAN_SHUTDOWN && strcmp(mode, "turncoat") == 0) {
            gearman_worker_unregister_all(worker);
            /* Not before this tells the server, and the new one must not overtake. */
            gearman_worker_set_timeout(worker, 100);
            while (gearman_worker_work(worker) != GEARMAN_NO_REGISTERED_FUNCTIONS) {
            }
            gearman_worker_add_function(worker, "other", 0, reverse, NULL);
            mode = "";
            code = GEARMAN_SUCCESS;
        }
    } while (code != GEARMAN_SHUTDOWN && code != GEARMAN_COULD_NOT_CONNECT);
    gearman_worker_free(worker);
    return code == GEARMAN_SHUTDOWN ? 0 : 1;
}
