# A Gearman client that plays a scene and reports, as JSON, what it saw.
#
# client.pl PORT SCENE [FOLDER]

use strict;
use warnings;

use Gearman::Client;
use JSON::PP;
use Storable;

my ($port, $scene, $folder) = @ARGV;
my $server = "127.0.0.1:$port";

sub client {
    return Gearman::Client->new(job_servers => [$server], @_);
}

# What a result reference refers to.
sub result {
    my ($reference) = @_;
    return $reference ? $$reference : undef;
}

# The options that make a task note what happens to it.
sub noting {
    my ($events) = @_;
    my %describe = (
        complete => sub { ${ $_[0] } },
        data     => sub { ${ $_[0] } },
        warning  => sub { ${ $_[0] } },
        status   => sub {"$_[0]/$_[1]"},
        retry    => sub { $_[0] },
        fail     => sub {''},

        # A Perl worker sends what it died of frozen.
        exception => sub { ${ Storable::thaw($_[0]) } },
    );
    return map {
        my $kind = $_;
        ("on_$kind" => sub { push @$events, "$kind " . $describe{$kind}->(@_) });
    } keys %describe;
}

my %scenes = (

    # One call of each kind, and what comes back.
    calls => sub {
        my $client = client();
        my $bytes  = join '', map {chr} 0 .. 255;
        my %seen   = (
            normal => result($client->do_task('reverse', 'one')),
            high => result($client->do_task('reverse', 'two', { priority => 'high' })),
            low  => result($client->do_task('reverse', 'three', { priority => 'low' })),
            unique => result($client->do_task('reverse', 'four', { uniq => 'u4' })),
            merged => result($client->do_task('reverse', 'five', { uniq => '-' })),
            failed => result($client->do_task('fails', 'x')),
            bytes => result($client->do_task('echo', $bytes)) eq $bytes ? 'same' : '',
        );
        for my $priority (qw(high normal low)) {
            my $handle = $client->dispatch_background('write',
                "$folder/written:$priority", { priority => $priority });
            push @{ $seen{handles} }, $handle;
        }
        return \%seen;
    },

    # Tasks of every kind in one set, and the callbacks they cause.
    tasks => sub {
        my $tasks = client()->new_task_set;
        my %seen;
        for my $function (qw(reverse chatty fails)) {
            $seen{$function} = [];
            $tasks->add_task($function, 'abc', { noting($seen{$function}) });
        }
        $seen{retried} = [];
        $tasks->add_task('fails', 'abc',
            { noting($seen{retried}), retry_count => 2 });
        $tasks->wait;
        return \%seen;
    },

    # A job that dies, for a client with and one without exceptions; then a
    # job that does not.
    dying => sub {
        my %seen;
        for my $exceptions (0, 1) {
            my $client = client(exceptions => $exceptions);
            my $events = $seen{$exceptions} = [];
            $client->do_task('dies', 'x', { noting($events) });
            push @$events, result($client->do_task('pid', 'x'));
        }
        return \%seen;
    },

    # The status of a background job, until it is done.
    status => sub {
        my $client   = client();
        my $describe = sub {
            my ($status) = @_;
            my ($numerator, $denominator) = @{ $status->progress };
            return [map {"$_"} $status->known, $status->running, $numerator,
                $denominator];
        };
        my $handle = $client->dispatch_background('held', "$folder/release");
        my $status;
        do { $status = $client->get_status($handle) } until $status->percent;
        my %seen = (running => $describe->($status));
        open my $release, '>', "$folder/release" or die $!;
        do { $status = $client->get_status($handle) } while $status->known;
        $seen{done} = $describe->($status);
        return \%seen;
    },

    # Admin commands between jobs on the same connection.
    admin => sub {
        my $client = client();
        my @seen;
        for my $round (1 .. 2) {
            push @seen, result($client->do_task('reverse', 'abc'));
            push @seen, $client->get_job_server_status->{$server}{reverse};
        }
        return \@seen;
    },

    # The tables that gearmand does not have.
    tables => sub {
        my $client = client();
        return [map { $_->{$server} } $client->get_job_server_jobs,
                $client->get_job_server_clients];
    },

    # A call that nobody answers within a tenth of a second.
    impatient => sub {
        my $events = [];
        client()->do_task('nobodyDoesThis', 'x', { noting($events), timeout => 0.1 });
        return $events;
    },

    # One function with and without a prefix.
    prefix => sub {
        return [map { result($_->do_task('spare', 'x')) }
                client(prefix => 'space'), client()];
    },

    held => sub {
        my %unique = (uniq => 'held-1');
        return [result(client()->do_task('held', "$folder/release", \%unique))];
    },
    stuck => sub { [result(client()->do_task('stuckOnce', "$folder/stuck"))] },
    timed => sub { [result(client()->do_task('timedOnce', "$folder/timed"))] },
    alone => sub { [client()->dispatch_background('stuckOnce', "$folder/stuck")] },
    # A job with an empty result, and one after it.
    empty => sub {
        my $client = client();
        return [map { result($client->do_task($_, 'x', { timeout => 10 })) }
                qw(empty spare)];
    },
    drop => sub { [result(client()->do_task('dropSpare', 'x'))] },
    quit => sub { [result(client()->do_task('quit', 'x'))] },
);

print JSON::PP->new->canonical->encode($scenes{$scene}->()), "\n";
