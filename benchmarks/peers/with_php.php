<?php

/*
 * The client and the worker of PHP's gearman extension, which are libgearman's.
 */

declare(strict_types=1);

[, $part, $port, $way] = $argv;

const LOAD = 'load';
/** How many jobs are under way where many are. */
const BATCH = 500;

$workload = str_repeat('x', 32);

/** The CPU time that this process has taken, in seconds. */
function cpu(): float
{
    $used = getrusage();
    return $used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec']
        + ($used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec']) / 1e6;
}

if ($part === 'worker') {
    $worker = new GearmanWorker();
    $worker->addServer('127.0.0.1', (int) $port);
    $worker->addFunction(LOAD, fn ($job) => 'ok');
    while ($worker->work());
    exit(1);
}

$jobs = (int) $argv[4];
$client = new GearmanClient();
$client->addServer('127.0.0.1', (int) $port);
$client->ping('connected');

/** Play a batch of tasks after the other. */
$runTasks = function (string $add) use ($client, $jobs, $workload): void {
    for ($done = 0; $done < $jobs; $done += BATCH) {
        for ($i = min(BATCH, $jobs - $done); $i > 0; $i--) {
            $client->$add(LOAD, $workload);
        }
        $client->runTasks() || throw new RuntimeException($client->error());
        $client->clearCallbacks();
    }
};

$each = function (string $do) use ($client, $jobs, $workload): void {
    for ($i = 0; $i < $jobs; $i++) {
        $client->$do(LOAD, $workload);
        if ($client->returnCode() !== GEARMAN_SUCCESS) {
            throw new RuntimeException($client->error());
        }
    }
};

$start = hrtime(true);
$cpu = cpu();
match ($way) {
    'callEach' => $each('doNormal'),
    'callMany' => $runTasks('addTask'),
    'backgroundEach' => $each('doBackground'),
    'backgroundMany' => $runTasks('addTaskBackground'),
};
echo json_encode([
    'seconds' => (hrtime(true) - $start) / 1e9,
    'cpu' => cpu() - $cpu,
]), "\n";
