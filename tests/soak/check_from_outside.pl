#!/usr/bin/perl
# Judges a run of the soak by what its clients were told and what its jobs wrote, and by nothing else: no database, no
# daemon, no code of the harness. Reads three files of JSON lines:
#
#   clients.jsonl   every request of every client and its answer (traffic.py)
#   jobs.jsonl      when each run of a job began, what it said, and when its process was gone, as the kernel knows it
#   operator.jsonl  of this one only which node was paused when, and whether the machine itself stood still: a paused
#                   process can neither kill its jobs nor be asked to, so a run elsewhere may overlap with it
#
# Prints each breach on a line and exits with 1, or a line of what it counted and exits with 0.
use strict;
use warnings;
use JSON::PP;

@ARGV == 3 or die "usage: $0 clients.jsonl jobs.jsonl operator.jsonl\n";
my $json = JSON::PP->new->utf8;
my %final = map { $_ => 1 } qw(succeeded failed timed_out cancelled lost);
my @breaches;
sub breach { push @breaches, "@_" }

sub lines {
    my ($path, $each) = @_;
    open(my $file, '<', $path) or die "$path: $!\n";
    while (my $line = <$file>) {
        next unless $line =~ /\n\z/;    # cut off when the run was ended by hand
        $each->($json->decode($line));
    }
}

# ---- what the clients know

my (%means, %acknowledged, %key_of_job, %state, %cancelled, %named, %result, %members, %stream, %count, %tenant_of, %file);
lines($ARGV[0], sub {
    my ($line) = @_;
    my ($what, $id) = @$line{qw(what id)};
    $count{$what}++;
    if ($what eq 'means') {
        breach("the harness uses the key $line->{key} twice") if $means{ $line->{key} };
        $means{ $line->{key} } = $line;
    } elsif ($what eq 'acknowledged') {
        my $before = $acknowledged{ $line->{key} };
        breach("I7: the key $line->{key} was acknowledged as @{$before->{ids}} and as @{$line->{ids}}")
            if $before && "@{$before->{ids}}" ne "@{$line->{ids}}";
        $acknowledged{ $line->{key} } = $line;
        for my $job (@{ $line->{ids} }) {
            my $other = $key_of_job{$job};
            breach("I7: job $job was given to the keys $other and $line->{key}") if $other && $other ne $line->{key};
            $key_of_job{$job} = $line->{key};
            $tenant_of{$job} = $line->{tenant};
        }
        breach("I1: $line->{key} has " . @{ $means{ $line->{key} }{names} } . " jobs and was given @{$line->{ids}}")
            if @{ $means{ $line->{key} }{names} } != @{ $line->{ids} };
    } elsif ($what eq 'answered') {
        my $status = $line->{status};
        $count{"status $status"}++;
        breach("I12: $line->{method} $line->{path} was answered with $status") if $status >= 500 && $status != 503;
        breach("I12: $status without Retry-After for $line->{method} $line->{path}")
            if ($status == 503 || $status == 429) && !(defined $line->{retry_after} && $line->{retry_after} =~ /^[1-9]\d*$/);
    } elsif ($what eq 'surprise') {
        breach("I12: $line->{path} was answered with $line->{status}: $line->{text}");
    } elsif ($what eq 'foreign') {
        breach("I13: $line->{who} was shown what is another tenant's, at $line->{path}");
    } elsif ($what eq 'cancel') {
        $cancelled{$id} = $line unless $line->{status} == 200;    # 200: it had ended already
        saw($id, $line->{state}) if $line->{status} == 200;
    } elsif ($what eq 'saw' || $what eq 'listed' || $what eq 'member') {
        saw($id, $line->{state});
        if ($what eq 'listed') {
            breach("I13: job $id of $tenant_of{$id} is in the list of $line->{tenant}")
                if $tenant_of{$id} && $tenant_of{$id} ne $line->{tenant};
            push @{ $named{"$line->{tenant} $line->{name}"} }, $id;
        }
        push @{ $members{ $line->{of} } }, $id if $what eq 'member';
    } elsif ($what eq 'result') {
        $result{$id} = $line;
    } elsif ($what eq 'file') {
        $file{$id} = $line->{sha256};
    } elsif ($what eq 'followed') {
        followed($line);
    }
});

# A final state is seen again and again, but never another one.
sub saw {
    my ($id, $now) = @_;
    my $before = $state{$id};
    breach("I2: job $id was seen $before and later $now") if defined $before && $final{$before} && $before ne $now;
    $state{$id} = $now;
}

# Every event once, in order; every byte once, in order; nothing after the end.
sub followed {
    my ($line) = @_;
    my ($id, $data) = @$line{qw(id data)};
    my $stream = $stream{"$line->{of} $id"} //= { next => 1, attempt => 0, text => '' };
    breach("I2: $line->{who} heard more of job $id after the end of its $line->{of}") if $stream->{ended};
    if ($line->{event} eq 'end') {
        $stream->{ended} = 1;
        saw($id, $data->{status});
        breach("I2: the end of job $id says $data->{status}") unless $final{ $data->{status} };
    } elsif ($line->{event} eq 'state') {
        breach("I2: $line->{who} heard event $data->{seq} of job $id, $stream->{next} comes next") if $data->{seq} != $stream->{next};
        $stream->{next} = $data->{seq} + 1;
        breach("I4: the attempts of job $id fell from $stream->{attempt} to $data->{attempt}") if $data->{attempt} < $stream->{attempt};
        $stream->{attempt} = $data->{attempt};
    } elsif ($line->{event} eq 'output') {
        return unless $data->{stream} eq 'stdout';
        if ($data->{attempt} != $stream->{attempt}) {
            breach("I4: the output of job $id goes back from attempt $stream->{attempt} to $data->{attempt}")
                if $data->{attempt} < $stream->{attempt};
            @$stream{qw(attempt text)} = ($data->{attempt}, '');
        }
        breach("I3: $line->{who} heard byte $data->{offset} of job $id.$data->{attempt} after byte " . length($stream->{text}))
            if $data->{offset} != length $stream->{text};
        require MIME::Base64;
        $stream->{text} .= MIME::Base64::decode_base64($data->{base64});
    }
}

# ---- what the jobs know

my (%run, %runs_of, %users);
lines($ARGV[1], sub {
    my ($line) = @_;
    my $run = $run{ $line->{run} } //= { uid => $line->{uid} };
    if ($line->{gone}) {
        $run->{gone} = $line->{at};
    } elsif ($line->{said} =~ /^start (\d+) (\d+) (\w+) (\S+)$/) {
        @$run{qw(from job attempt nonce key)} = ($line->{at}, $1, $2, $3, $4);
        push @{ $runs_of{$1} }, $run;
        push @{ $users{ $line->{uid} } }, $run;
    } elsif ($line->{said} =~ /^end (\d+) (\d+) (\w+) (\S+)$/) {
        $run->{ended} = $line->{at};
        $run->{left} = $4;
    } else {
        breach("the harness: a job said $line->{said}");
    }
});

# ---- what the operator did: which node could not act when

my (%paused, %since, $now);
lines($ARGV[2], sub {
    my ($line) = @_;
    $now = $line->{at};
    $since{ $line->{paused} } = $line->{at} if $line->{paused};
    # What thaws is not done at once: the worker looks at the clock first, but it has to get the processor.
    push @{ $paused{ $line->{resumed} } }, [ delete $since{ $line->{resumed} }, $line->{at} + 5 ] if $line->{resumed};
    push @{ $paused{machine} }, [ $line->{at} - $line->{stood_still}, $line->{at} + 5 ] if $line->{stood_still};
});
# worker-1 gives its jobs user ids from 301000 on, worker-2 from 302000 on, … (cluster.py).
sub node_of { 'worker-' . int(($_[0] - 300_000) / 1000) }
sub was_paused {
    my ($node, $from, $to) = @_;
    return grep { $_->[0] < $to && $_->[1] > $from } @{ $paused{$node} // [] }, @{ $paused{machine} // [] };
}

# ---- the two beside each other

my ($overlaps, $explained, $duplicates) = (0, 0, 0);
for my $job (sort keys %runs_of) {
    my @runs = sort { $a->{from} <=> $b->{from} } @{ $runs_of{$job} };
    my %attempts;
    $duplicates += @runs - 1;
    for my $run (@runs) {
        breach("I5: attempt $run->{attempt} of job $job was started twice") if $attempts{ $run->{attempt} }++;
    }
    for my $i (1 .. $#runs) {
        my ($before, $after) = @runs[ $i - 1, $i ];
        # Who was paused may come to its start late: then the greater attempt began first.
        my $late = $after->{attempt} < $before->{attempt};
        my $end = $before->{gone} // 9e99;
        next if $end <= $after->{from} && !$late;
        $overlaps++;
        my $old = $late ? $after : $before;
        if (was_paused(node_of($old->{uid}), $before->{from} - 30, $after->{from} + 1)) { $explained++; next }
        breach(sprintf "I5: job %s ran twice at the same time: attempt %d from %.3f to %.3f, attempt %d from %.3f", $job, $before->{attempt},
            $before->{from}, $end, $after->{attempt}, $after->{from});
    }
}
for my $uid (sort keys %users) {
    my @runs = sort { $a->{from} <=> $b->{from} } @{ $users{$uid} };
    for my $i (1 .. $#runs) {
        my $end = $runs[ $i - 1 ]{gone} // 9e99;
        breach("I8: two jobs had the same slot, user $uid: $runs[$i-1]{job} and $runs[$i]{job}") if $end > $runs[$i]{from};
    }
}
for my $run (values %run) {
    breach("I8: job $run->{job}.$run->{attempt} still runs") if $run->{job} && !defined $run->{gone};
}

for my $key (sort keys %acknowledged) {
    my ($means, $told) = ($means{$key}, $acknowledged{$key});
    for my $job (@{ $told->{ids} }) {
        breach("I1: job $job ($key) was acknowledged and is in no list") unless defined $state{$job};
        breach("I11: job $job ($key) is $state{$job}") if defined $state{$job} && !$final{ $state{$job} };
        breach("I9: job $job was cancelled, which was acknowledged, and succeeded")
            if $cancelled{$job} && ($state{$job} // '') eq 'succeeded';
        expect($means->{kind}, $job);
    }
    breach("I1: array $told->{ids}[0] has " . @{ $members{ $told->{ids}[0] } // [] } . " members instead of $means->{array}")
        if $means->{array} && @{ $members{ $told->{ids}[0] } // [] } != $means->{array};
}
for my $key (sort keys %means) {
    for my $name (@{ $means{$key}{names} }) {
        my @ids = @{ $named{"$means{$key}{tenant} $name"} // [] };
        breach("I7: $name is the name of the jobs @ids") if @ids > 1;
    }
}

# How a job may end, by what it was told to do. A cancelled one may have been quicker; what runs too long says so.
sub expect {
    my ($kind, $job) = @_;
    my %may = (
        plain => ['succeeded'], array => ['succeeded'], chain => ['succeeded'], again => ['succeeded'], quick => ['succeeded'],
        lines => ['succeeded'], cancelled => [ 'succeeded', 'cancelled' ],
        'hostile memory' => ['failed'], 'hostile forks' => [ 'failed', 'succeeded', 'timed_out' ], 'hostile flood' => ['failed', 'succeeded'],
        'hostile deaf' => ['timed_out'], 'hostile crash' => ['failed'],
    );
    my $state = $state{$job} // return;
    $count{"ended $state"}++;
    breach("I2: job $job ($kind) ended as $state") if $may{$kind} && !grep { $_ eq $state } @{ $may{$kind} };
    return if $state ne 'succeeded' || $kind eq 'quick';
    accepted($_) for $kind eq 'array' ? @{ $members{$job} // [] } : $job;
}

# The result that a client gets is, byte for byte, what one run wrote, and that is the newest one that came to its end.
sub accepted {
    my ($job) = @_;
    my $result = $result{$job} or return breach("I3: job $job succeeded and has no result");
    my ($nonce, $attempt) = $result->{stdout} =~ /(\w+) (\d+)\n\z/ or return breach("I3: the output of job $job is $result->{stdout}");
    my @runs = @{ $runs_of{$job} // [] };
    my ($run) = grep { $_->{nonce} eq $nonce } @runs;
    return breach("I3: no run of job $job wrote the output that was accepted") unless $run;
    breach("I3: the output of job $job is of attempt $attempt, its run was $run->{attempt}") if $attempt != $run->{attempt};
    breach("I3: job $job: attempt $run->{attempt} was accepted, $_->{attempt} came later")
        for grep { $_->{attempt} > $run->{attempt} } @runs;
    return breach("I3: the run of job $job whose result was accepted never came to its end") unless defined $run->{left};
    for my $sum (grep { defined } $result->{sha256}, $file{$job}) {
        breach("I3: the file that job $job left has another SHA-256 than what it wrote") if $sum ne $run->{left};
    }
    $count{'results compared'}++;
}

for my $name (sort grep { /^log / } keys %stream) {
    my ($job) = $name =~ /(\d+)/;
    my $result = $result{$job} or next;
    next if !$stream{$name}{ended} || ($state{$job} // '') ne 'succeeded';
    my $heard = $stream{$name}{text};
    breach("I3: who followed job $job heard another output than its result has")
        if substr($heard, -length $result->{stdout}) ne $result->{stdout};
    $count{'outputs followed'}++;
}

print "$_\n" for @breaches;
$count{$_} //= 0 for 'means', 'acknowledged', 'results compared', 'outputs followed';
printf "%d submits, %d acknowledged, %d results compared with what jobs wrote, %d outputs followed, %d runs, %d of them repeated, "
    . "%d at the same time as another one (%d of a node that was paused), %d breaches\n",
    @count{ 'means', 'acknowledged', 'results compared', 'outputs followed' }, scalar(keys %run), $duplicates, $overlaps, $explained, scalar @breaches;
exit(@breaches ? 1 : 0);
