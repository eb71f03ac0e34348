<?php

/*
 * A pool of Gearman workers, one process each.
 *
 * pool.php PORT COUNT
 *
 * The workers' ids are php-1 to php-COUNT. The pool ends when all of them did.
 */

declare(strict_types=1);

[, $port, $count] = $argv;

/** Add a line to a file that other processes add lines to as well. */
function note(string $path, string $line): void
{
    file_put_contents($path, "$line\n", FILE_APPEND | LOCK_EX);
}

/** Wait until a file is there. */
function awaitFile(string $path): void
{
    while (!file_exists($path)) {
        usleep(10000);
        clearstatcache();
    }
}

function work(int $port, string $id): never
{
    $worker = new GearmanWorker();
    $worker->addServer('127.0.0.1', $port);
    $worker->setId($id);

    $worker->addFunction('reverse', fn ($job) => strrev($job->workload()));
    $worker->addFunction('echo', fn ($job) => $job->workload());
    $worker->addFunction('who', fn ($job) => $id);
    $worker->addFunction('unique', fn ($job) => $job->unique());
    $worker->addFunction(
        'describe',
        fn ($job) => json_encode([
            $job->functionName(),
            $job->handle(),
            $job->workloadSize(),
        ])
    );

    // Workload: the path of a file to write the text after the colon to.
    $worker->addFunction('write', function ($job) {
        [$path, $text] = explode(':', $job->workload(), 2);
        note($path, $text);
    });

    $worker->addFunction('chatty', function ($job) {
        $job->sendStatus(1, 4);
        $job->sendData('first ');
        $job->sendWarning('careful');
        $job->sendStatus(4, 4);
        $job->sendComplete('done');
    });
    $worker->addFunction('fails', function ($job) {
        $job->sendFail();
    });
    $worker->addFunction('returnsFail', function ($job) {
        $job->setReturn(GEARMAN_WORK_FAIL);
    });
    $worker->addFunction('excepts', function ($job) {
        $job->sendException('what went wrong');
    });
    $worker->addFunction('throws', function ($job) {
        throw new RuntimeException('what went wrong');
    });

    // Workload: a file. The first worker to note itself there never returns.
    $stuckOnce = function ($job) use ($id) {
        note($job->workload(), (string) getmypid());
        if (count(file($job->workload())) === 1) {
            sleep(600);
        }
        return $id;
    };
    $worker->addFunction('stuckOnce', $stuckOnce);
    $null = null;
    $worker->addFunction('timedOnce', $stuckOnce, $null, 1);

    // Workload: a file whose appearance lets the job end.
    $worker->addFunction('held', function ($job) {
        $job->sendStatus(3, 7);
        awaitFile($job->workload());
        return 'released';
    });

    // Workload: a folder. Returns when five workers came together there.
    $worker->addFunction('meeting', function ($job) use ($id) {
        touch("{$job->workload()}/$id");
        while (count(glob("{$job->workload()}/php-*")) < 5) {
            usleep(10000);
        }
        return $id;
    });

    $worker->addFunction('spare', fn ($job) => $id);
    $worker->addFunction('dropSpare', function ($job) use ($worker) {
        return $worker->unregister('spare') ? 'dropped' : $worker->error();
    });

    while (true) {
        try {
            @$worker->work();
        } catch (RuntimeException) {
            // Thrown by a job: the server knows, and the next job waits.
        }
        // The server is gone: not a reason to try again and again.
        $gone = [GEARMAN_LOST_CONNECTION, GEARMAN_COULD_NOT_CONNECT];
        if (in_array($worker->returnCode(), $gone, true)) {
            exit(1);
        }
    }
}

for ($number = 1; $number <= (int) $count; $number++) {
    if (pcntl_fork() === 0) {
        work((int) $port, "php-$number");
    }
}
while (pcntl_wait($status) > 0) {
}
