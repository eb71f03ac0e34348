<?php

/*
 * A Gearman client that plays a scene and reports, as JSON, what it saw.
 *
 * client.php PORT SCENE [FOLDER]
 */

declare(strict_types=1);

[, $port, $scene] = $argv;
$folder = $argv[3] ?? '';

/** A client; without exceptions, an exception reaches it as a failure. */
function client(bool $exceptions = true): GearmanClient
{
    global $port;
    $client = new GearmanClient();
    $client->addServer('127.0.0.1', (int) $port, $exceptions);
    return $client;
}

/** The name of the client's last return code. */
function outcome(GearmanClient $client): string
{
    $codes = [
        'SUCCESS' => GEARMAN_SUCCESS,
        'WORK_FAIL' => GEARMAN_WORK_FAIL,
        'WORK_EXCEPTION' => GEARMAN_WORK_EXCEPTION,
        'TIMEOUT' => GEARMAN_TIMEOUT,
    ];
    return (string) array_search($client->returnCode(), $codes, true);
}

/** Gather what happens to a client's tasks, by their uniques. */
function gather(GearmanClient $client, array &$events): void
{
    $kinds = [
        'created' => fn ($task) => '',
        'data' => fn ($task) => $task->data(),
        'warning' => fn ($task) => $task->data(),
        'status' => fn ($task) =>
            "{$task->taskNumerator()}/{$task->taskDenominator()}",
        'complete' => fn ($task) => $task->data(),
        'exception' => fn ($task) => $task->data(),
        'fail' => fn ($task) => '',
    ];
    foreach ($kinds as $kind => $describe) {
        $listen = function ($task) use ($kind, $describe, &$events) {
            $events[$task->unique()][] = trim("$kind {$describe($task)}");
        };
        $client->{"set{$kind}Callback"}($listen);
    }
}

/** One call of each kind, and what comes back. */
function calls(string $folder): array
{
    $client = client();
    $seen = [
        'normal' => $client->doNormal('reverse', 'one'),
        'high' => $client->doHigh('reverse', 'two'),
        'low' => $client->doLow('reverse', 'three'),
        'outcome' => outcome($client),
        'unique' => $client->doNormal('unique', 'x', 'a-unique'),
        'describe' => json_decode($client->doNormal('describe', "12\0\xff")),
        'chatty' => $client->doNormal('chatty', 'x'),
        'ping' => $client->ping('hello'),
    ];
    foreach (['Background', 'HighBackground', 'LowBackground'] as $kind) {
        $write = "$folder/written:$kind";
        $seen['handles'][] = $client->{"do$kind"}('write', $write, "u-$kind");
        $seen['outcomes'][] = outcome($client);
    }
    return $seen;
}

/** Jobs that fail in every way, one after the other. */
function failures(string $folder): array
{
    $client = client();
    $seen = [];
    foreach (['fails', 'returnsFail', 'excepts', 'throws'] as $function) {
        @$client->doNormal($function, 'x');
        $seen[$function] = outcome($client);
    }
    return $seen;
}

/** An exception for a client that did not ask for exceptions. */
function unasked(string $folder): array
{
    $client = client(false);
    $seen = [];
    foreach (['excepts', 'reverse'] as $function) {
        $seen[] = [@$client->doNormal($function, 'abc'), outcome($client)];
    }
    return $seen;
}

/** Payloads as large and as odd as they come. */
function payloads(string $folder): array
{
    $client = client();
    $bytes = implode('', array_map('chr', range(0, 255)));
    $large = str_repeat("$bytes", 5 * 4096);
    return [
        'bytes' => $client->doNormal('echo', $bytes) === $bytes,
        'nuls' => $client->doNormal('echo', "\0\0\0") === "\0\0\0",
        'reversed' => $client->doNormal('reverse', $bytes) === strrev($bytes),
        'large' => $client->doNormal('echo', $large) === $large,
        'largeSize' => strlen($large),
    ];
}

/** Tasks of every kind in one run, and the callbacks they cause. */
function tasks(string $folder): array
{
    $client = client();
    $events = [];
    gather($client, $events);
    $client->addTask('reverse', 'one', null, 'normal');
    $client->addTaskHigh('reverse', 'two', null, 'high');
    $client->addTaskLow('reverse', 'three', null, 'low');
    $client->addTaskBackground('write', "$folder/tasks:normal", null, 'normalBg');
    $client->addTaskHighBackground('write', "$folder/tasks:high", null, 'highBg');
    $client->addTaskLowBackground('write', "$folder/tasks:low", null, 'lowBg');
    $client->addTask('chatty', 'x', null, 'chatty');
    $client->addTask('fails', 'x', null, 'fails');
    $client->addTask('returnsFail', 'x', null, 'returnsFail');
    $client->addTask('excepts', 'x', null, 'excepts');
    $client->addTask('throws', 'x', null, 'throws');
    $ran = $client->runTasks();
    return ['ran' => $ran, 'outcome' => outcome($client), 'events' => $events];
}

/** Two hundred tasks in one run. */
function many(string $folder): array
{
    $client = client();
    $results = [];
    $client->setCompleteCallback(function ($task) use (&$results) {
        $results[$task->unique()] = $task->data();
    });
    for ($number = 0; $number < 200; $number++) {
        $client->addTask('reverse', "<$number", null, "u$number");
    }
    return ['ran' => $client->runTasks(), 'results' => $results];
}

/** Five tasks in one run that end only when all of them run at once. */
function meeting(string $folder): array
{
    $client = client();
    $who = [];
    $client->setCompleteCallback(function ($task) use (&$who) {
        $who[] = $task->data();
    });
    for ($number = 0; $number < 5; $number++) {
        $client->addTask('meeting', $folder, null, "meeting$number");
    }
    $client->runTasks();
    sort($who);
    return $who;
}

/** Every way to ask for the status of a background job, until it is done. */
function status(string $folder): array
{
    $client = client();
    // One of its own: after this call a client of libgearman cannot submit.
    $byUnique = client();
    $seen = ['unknown' => $client->jobStatus('H:nowhere:1')];
    $seen['unknownUnique'] = $byUnique->jobStatusByUniqueKey('nobody');
    $handle = $client->doBackground('held', "$folder/release", 'held-1');
    do {
        $running = $client->jobStatus($handle);
    } while ($running[2] === 0);
    $seen['running'] = $running;
    $seen['runningUnique'] = $byUnique->jobStatusByUniqueKey('held-1');
    $client->setStatusCallback(function ($task) use (&$seen) {
        $seen['task'] = [
            $task->isKnown(),
            $task->isRunning(),
            $task->taskNumerator(),
            $task->taskDenominator(),
        ];
    });
    $client->addTaskStatus($handle);
    $client->runTasks();
    touch("$folder/release");
    do {
        $done = $client->jobStatus($handle);
    } while ($done[0]);
    $seen['done'] = $done;
    return $seen;
}

/** A job that its first worker does not finish. */
function stuck(string $folder): array
{
    return [client()->doNormal('stuckOnce', "$folder/stuck")];
}

/** The same as a background job. */
function stuckAlone(string $folder): array
{
    return [client()->doBackground('stuckOnce', "$folder/stuck")];
}

/** A job that its first worker does not finish in the time it declared. */
function timed(string $folder): array
{
    return [client()->doNormal('timedOnce', "$folder/timed")];
}

/** A call that nobody answers within a tenth of a second. */
function impatient(string $folder): array
{
    $client = client();
    $client->setTimeout(100);
    return [@$client->doNormal('nobodyDoesThis', 'x'), outcome($client)];
}

/** A worker that drops one of its functions while it does another. */
function drop(string $folder): array
{
    return [client()->doNormal('dropSpare', 'x')];
}

echo json_encode($scene($folder), JSON_THROW_ON_ERROR), "\n";
