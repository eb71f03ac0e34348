/*
 * A client of libgearman that plays a scene and prints what it saw.
 *
 * client PORT SCENE [FOLDER]
 */

#define _POSIX_C_SOURCE 200809L

#include <libgearman/gearman.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static gearman_client_st *client;
static const char *folder = "";

/* End with what went wrong. */
static void give_up(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, gearman_client_error(client));
    exit(1);
}

static void expect_success(const char *what, gearman_return_t code)
{
    if (gearman_failed(code)) {
        give_up(what);
    }
}

/* Print a name and some bytes on a line of their own. */
static void report(const char *name, const void *bytes, size_t size)
{
    printf("%s %.*s\n", name, (int) size, size ? (const char *) bytes : "");
}

typedef void *do_fn(
    gearman_client_st *, const char *, const char *, const void *, size_t, size_t *,
    gearman_return_t *);
typedef gearman_return_t background_fn(
    gearman_client_st *, const char *, const char *, const void *, size_t,
    gearman_job_handle_t);

/* Do a job and print its result, or why there is none. */
static void call(
    const char *name, do_fn *how, const char *function, const char *unique,
    const char *text)
{
    gearman_return_t code;
    size_t size = 0;
    char *result = how(client, function, unique, text, strlen(text), &size, &code);
    if (gearman_failed(code)) {
        printf("%s %s\n", name, gearman_strerror(code));
    } else {
        report(name, result, size);
    }
    free(result);
}

static void background(const char *name, background_fn *how)
{
    char text[512];
    gearman_job_handle_t handle;
    int size = snprintf(text, sizeof text, "%s/written:%s", folder, name);
    expect_success(name, how(client, "write", NULL, text, (size_t) size, handle));
    printf("%s %s\n", name, handle);
}

static void echo(void)
{
    unsigned char bytes[256];
    for (size_t at = 0; at < sizeof bytes; at++) {
        bytes[at] = (unsigned char) at;
    }
    expect_success("echo", gearman_client_echo(client, bytes, sizeof bytes));
    puts("echo");
}

static void calls(void)
{
    echo();
    call("normal", gearman_client_do, "reverse", NULL, "one");
    call("high", gearman_client_do_high, "reverse", NULL, "two");
    call("low", gearman_client_do_low, "reverse", NULL, "three");
    call("unique", gearman_client_do, "unique", "a-unique", "x");
    call("chatty", gearman_client_do, "chatty", NULL, "x");
    call("fails", gearman_client_do, "fails", NULL, "x");
    call("flaky", gearman_client_do, "flaky", NULL, "x");
    background("background", gearman_client_do_background);
    background("highBackground", gearman_client_do_high_background);
    background("lowBackground", gearman_client_do_low_background);
}

static void large(void)
{
    gearman_return_t code;
    size_t size = 1024 * 1024;
    unsigned char *bytes = malloc(size);
    for (size_t at = 0; at < size; at++) {
        bytes[at] = (unsigned char) (at * 7 + at / 256);
    }
    size_t came = 0;
    void *result = gearman_client_do(client, "echo", NULL, bytes, size, &came, &code);
    expect_success("large", code);
    puts(came == size && memcmp(bytes, result, size) == 0 ? "same" : "different");
    free(result);
    free(bytes);
}

static gearman_return_t note(gearman_task_st *task, const char *kind)
{
    printf("%s %s", gearman_task_unique(task), kind);
    if (gearman_task_data_size(task) > 0) {
        int size = (int) gearman_task_data_size(task);
        printf(" %.*s", size, (const char *) gearman_task_data(task));
    }
    putchar('\n');
    return GEARMAN_SUCCESS;
}

static gearman_return_t created(gearman_task_st *task)
{
    return note(task, "created");
}

static gearman_return_t data(gearman_task_st *task)
{
    return note(task, "data");
}

static gearman_return_t warning(gearman_task_st *task)
{
    return note(task, "warning");
}

static gearman_return_t status(gearman_task_st *task)
{
    printf(
        "%s status %u/%u\n", gearman_task_unique(task), gearman_task_numerator(task),
        gearman_task_denominator(task));
    return GEARMAN_SUCCESS;
}

static gearman_return_t complete(gearman_task_st *task)
{
    return note(task, "complete");
}

static gearman_return_t exception(gearman_task_st *task)
{
    return note(task, "exception");
}

static gearman_return_t fail(gearman_task_st *task)
{
    return note(task, "fail");
}

static void add_tasks(void)
{
    gearman_return_t code;
    gearman_client_set_created_fn(client, created);
    gearman_client_set_data_fn(client, data);
    gearman_client_set_warning_fn(client, warning);
    gearman_client_set_status_fn(client, status);
    gearman_client_set_complete_fn(client, complete);
    gearman_client_set_exception_fn(client, exception);
    gearman_client_set_fail_fn(client, fail);
    if (!gearman_client_set_server_option(client, "exceptions", 10)) {
        give_up("exceptions");
    }
    gearman_client_add_task(
        client, NULL, NULL, "reverse", "normal", "one", 3, &code);
    expect_success("normal", code);
    gearman_client_add_task_high(
        client, NULL, NULL, "reverse", "high", "two", 3, &code);
    expect_success("high", code);
    gearman_client_add_task_low(
        client, NULL, NULL, "reverse", "low", "three", 5, &code);
    expect_success("low", code);
    gearman_client_add_task_background(
        client, NULL, NULL, "reverse", "background", "four", 4, &code);
    expect_success("background", code);
    gearman_client_add_task(client, NULL, NULL, "chatty", "chatty", "x", 1, &code);
    expect_success("chatty", code);
    gearman_client_add_task(client, NULL, NULL, "fails", "fails", "x", 1, &code);
    expect_success("fails", code);
    gearman_client_add_task(client, NULL, NULL, "excepts", "excepts", "x", 1, &code);
    expect_success("excepts", code);
}

static void tasks(void)
{
    add_tasks();
    expect_success("run_tasks", gearman_client_run_tasks(client));
}

/* The same tasks, without ever blocking in libgearman but to wait. */
static void nonblocking(void)
{
    gearman_return_t code;
    add_tasks();
    gearman_client_add_options(client, GEARMAN_CLIENT_NON_BLOCKING);
    while ((code = gearman_client_run_tasks(client)) == GEARMAN_IO_WAIT) {
        expect_success("wait", gearman_client_wait(client));
    }
    expect_success("run_tasks", code);
}

static gearman_task_st *execute(gearman_task_attr_t *how, const char *text)
{
    gearman_argument_t argument = gearman_argument_make(NULL, 0, text, strlen(text));
    gearman_task_st *task =
        gearman_execute(client, "write", 5, NULL, 0, how, &argument, NULL);
    if (task == NULL) {
        give_up("execute");
    }
    return task;
}

static void executions(void)
{
    char text[512];
    gearman_job_priority_t high = GEARMAN_JOB_PRIORITY_HIGH;

    snprintf(text, sizeof text, "%s/executed:foreground", folder);
    gearman_task_st *task = execute(NULL, text);
    expect_success("foreground", gearman_task_return(task));
    gearman_result_st *result = gearman_task_result(task);
    report("foreground", gearman_result_value(result), gearman_result_size(result));

    snprintf(text, sizeof text, "%s/executed:background", folder);
    gearman_task_attr_t how = gearman_task_attr_init_background(high);
    printf("background %s\n", gearman_task_job_handle(execute(&how, text)));
}

/* A job for the second after the next, so that it cannot be due at once. */
static void epoch(void)
{
    char text[512];
    time_t due = time(NULL) + 2;
    gearman_task_attr_t how =
        gearman_task_attr_init_epoch(due, GEARMAN_JOB_PRIORITY_NORMAL);
    snprintf(text, sizeof text, "%s/due:%ld", folder, (long) due);
    printf("epoch %s\n", gearman_task_job_handle(execute(&how, text)));
}

static void print_status(const char *name, bool known, bool running, uint32_t of[2])
{
    printf("%s %d %d %u %u\n", name, known, running, of[0], of[1]);
}

static gearman_return_t job_status(
    gearman_job_handle_t handle, bool *known, bool *running, uint32_t of[2])
{
    return gearman_client_job_status(client, handle, known, running, &of[0], &of[1]);
}

static void unique_status(const char *name, const char *unique)
{
    gearman_status_t found =
        gearman_client_unique_status(client, unique, strlen(unique));
    uint32_t of[2] = {
        gearman_status_numerator(found), gearman_status_denominator(found)};
    bool known = gearman_status_is_known(found);
    print_status(name, known, gearman_status_is_running(found), of);
}

static void statuses(void)
{
    char release[512];
    gearman_job_handle_t handle = "H:nowhere:1";
    bool known;
    bool running;
    uint32_t of[2];
    gearman_return_t code;
    int size = snprintf(release, sizeof release, "%s/release", folder);

    expect_success("unknown", job_status(handle, &known, &running, of));
    print_status("unknown", known, running, of);
    expect_success(
        "held", gearman_client_do_background(
                    client, "held", "held-1", release, (size_t) size, handle));
    do {
        /* GEARMAN_JOB_EXISTS or GEARMAN_IN_PROGRESS would be a success too. */
        code = job_status(handle, &known, &running, of);
    } while (!gearman_failed(code) && of[1] == 0);
    expect_success("running", code);
    print_status("running", known, running, of);
    unique_status("unique", "held-1");
    unique_status("nobody", "nobody");
    fclose(fopen(release, "w"));
    do {
        code = job_status(handle, &known, &running, of);
    } while (!gearman_failed(code) && known);
    expect_success("done", code);
    print_status("done", known, running, of);
}

static void partition(void)
{
    const char *text = "the quick brown fox";
    gearman_argument_t argument = gearman_argument_make(NULL, 0, text, strlen(text));
    gearman_task_st *task = gearman_execute_by_partition(
        client, "words", 5, "reverse", 7, NULL, 0, NULL, &argument, NULL);
    if (task == NULL) {
        give_up("partition");
    }
    expect_success("partition", gearman_task_return(task));
    gearman_result_st *result = gearman_task_result(task);
    report("partition", gearman_result_value(result), gearman_result_size(result));
}

static void impatient(void)
{
    gearman_client_set_timeout(client, 100);
    call("impatient", gearman_client_do, "nobodyDoesThis", NULL, "x");
}

static void quit(void)
{
    call("quit", gearman_client_do, "quit", NULL, "x");
}

static void by_hand(void)
{
    call("byHand", gearman_client_do, "byHand", NULL, "x");
}

static void stuck(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/stuck", folder);
    call("stuck", gearman_client_do, "stuckOnce", NULL, path);
}

static const struct {
    const char *name;
    void (*play)(void);
} scenes[] = {
    {"calls", calls},         {"large", large},
    {"tasks", tasks},         {"nonblocking", nonblocking},
    {"execute", executions},  {"epoch", epoch},
    {"status", statuses},     {"partition", partition},
    {"impatient", impatient}, {"quit", quit},
    {"stuck", stuck},         {"byHand", by_hand},
};

int main(int count, char **arguments)
{
    if (count < 3) {
        return 2;
    }
    if (count > 3) {
        folder = arguments[3];
    }
    client = gearman_client_create(NULL);
    in_port_t port = (in_port_t) atoi(arguments[1]);
    expect_success(
        "add_server", gearman_client_add_server(client, "127.0.0.1", port));
    for (size_t at = 0; at < sizeof scenes / sizeof *scenes; at++) {
        if (strcmp(scenes[at].name, arguments[2]) == 0) {
            scenes[at].play();
            gearman_client_free(client);
            return 0;
        }
    }
    return 2;
}
