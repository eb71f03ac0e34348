# A Gearman worker that logs to stdout when a job starts and how it ends.
#
# worker.pl PORT ID [PREFIX]

use strict;
use warnings;

use Gearman::Worker;

$| = 1;
my ($port, $id, $prefix) = @ARGV;

my $worker = Gearman::Worker->new(
    job_servers => ["127.0.0.1:$port"],
    client_id   => $id,
    prefix      => $prefix,
);

# Add a line to a file that other processes add lines to as well.
sub note {
    my ($path, $line) = @_;
    open my $file, '>>', $path or die "$path: $!";
    print $file "$line\n";
    close $file;
}

# How many lines a file has.
sub lines {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    my @lines = <$file>;
    return scalar @lines;
}

# Workload: a file. The first worker to note itself there never returns.
sub stuckOnce {
    my ($job) = @_;
    note($job->arg, $$);
    sleep 600 if lines($job->arg) == 1;
    return $id;
}

my $stop = 0;

my %functions = (
    reverse => sub { scalar reverse $_[0]->arg },
    echo    => sub { $_[0]->arg },
    pid     => sub {$$},
    empty   => sub {''},
    fails   => sub {undef},
    dies    => sub { die "what went wrong\n" },
    chatty  => sub {
        my ($job) = @_;
        $job->set_status(1, 4);
        $worker->send_work_data($job, 'first ');
        $worker->send_work_warning($job, 'careful');
        $job->set_status(4, 4);
        return 'done';
    },

    # Workload: the path of a file to write the text after the colon to.
    write => sub {
        note(split /:/, $_[0]->arg, 2);
        return 'written';
    },

    # Workload: a file whose appearance lets the job end.
    held => sub {
        my ($job) = @_;
        $job->set_status(3, 7);
        select undef, undef, undef, 0.01 until -e $job->arg;
        return 'released';
    },
    stuckOnce => \&stuckOnce,
    spare     => sub {$id},
    dropSpare => sub { $worker->unregister_function('spare') },
    quit      => sub { $stop = 1; 'bye' },
);

$worker->register_function(timedOnce => 1, \&stuckOnce);
$worker->register_function($_, $functions{$_}) for sort keys %functions;

# The job's number is all of its handle that is the same everywhere.
sub describe {
    my ($kind, $handle) = @_;
    $handle =~ /([0-9]+)$/;
    print "$kind $1\n";
}

$worker->work(
    on_start    => sub { describe(start    => @_) },
    on_complete => sub { describe(complete => @_) },
    on_fail     => sub { describe(fail     => @_) },
    stop_if     => sub {$stop},
);
