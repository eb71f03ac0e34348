<?php

/*
 * A Gearman worker whose functions fail, and that knows nothing of a server that
 * tries again.
 *
 * flaky.php PORT
 *
 * The workload of each job is the path of a file, to which a line is added for each
 * attempt.
 */

declare(strict_types=1);

[, $port] = $argv;

/** Count an attempt, the first one being 1. */
function attempt(string $path): int
{
    file_put_contents($path, microtime(true) . "\n", FILE_APPEND | LOCK_EX);

    return count(file($path));
}

$worker = new GearmanWorker();
$worker->addServer('127.0.0.1', (int) $port);

$worker->addFunction('flaky', function ($job) {
    $attempt = attempt($job->workload());
    if ($attempt === 1) {
        $job->sendFail();
    } elseif ($attempt === 2) {
        $job->sendException('not yet');
    } elseif ($attempt === 3) {
        throw new RuntimeException('still not');
    } else {
        return "done in $attempt";
    }
});
$worker->addFunction('doomed', function ($job) {
    attempt($job->workload());
    $job->sendException('never');
});

while (true) {
    try {
        if (!@$worker->work() && $worker->returnCode() !== GEARMAN_WORK_FAIL) {
            // What a worker's author does about a server that is away.
            usleep(50000);
        }
    } catch (RuntimeException $error) {
        continue;
    }
}
