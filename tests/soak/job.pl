# The program of a job of the soak: tells the node's journal that it runs, does what `data` says, tells that it ends.
# data: one line, "KEY CANARY WORD NUMBER": what its client calls it, the secret mark of its tenant, what to do.
use strict;
use warnings;
use Socket;
use Digest::SHA qw(sha256_hex);

open(my $data, '<', 'data') or die "data: $!";
my ($key, $canary, $word, $number) = split ' ', <$data>;
my ($job, $attempt) = @ENV{qw(WINDLASS_JOB_ID WINDLASS_ATTEMPT)};
$key .= ".$ENV{WINDLASS_ARRAY_INDEX}" if defined $ENV{WINDLASS_ARRAY_INDEX};
open(my $random, '<', '/dev/urandom') or die "urandom: $!";
read($random, my $bytes, 12);
my $nonce = unpack 'H*', $bytes;

socket(my $journal, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
connect($journal, pack_sockaddr_un('/usr/local/src/soak-journal')) or die "journal: $!";
sub say_so { syswrite($journal, "@_\n") or die "journal: $!" }
say_so('start', $job, $attempt, $nonce, $key);

my $status = 0;
$| = 1;
if ($word eq 'sleep') {
    select(undef, undef, undef, $number);
} elsif ($word eq 'lines') {    # for a follower: prints now and then
    for my $line (1 .. $number) {
        print "line $line\n";
        select(undef, undef, undef, 0.05);
    }
} elsif ($word eq 'again') {    # fails until its attempt has that number
    $status = 3 if $attempt < $number;
} elsif ($word eq 'memory') {   # more than it may have
    my @held;
    push @held, 'x' x (1 << 20) while 1;
} elsif ($word eq 'forks') {
    for (1 .. 2000) {
        my $child = fork;
        last unless defined $child;
        if (!$child) { sleep 60; exit }
    }
} elsif ($word eq 'flood') {
    my $line = 'flood ' x 1000;
    print $line for 1 .. 20_000;
} elsif ($word eq 'deaf') {     # ignores TERM
    $SIG{TERM} = 'IGNORE';
    my $end = time + $number;
    sleep 1 while time < $end;
} elsif ($word eq 'crash') {
    say_so('end', $job, $attempt, $nonce, '-');
    kill 'SEGV', $$;
    sleep 1;
} elsif ($word eq 'spin') {
    my $end = time + $number;
    1 while time < $end;
}
print "$canary $nonce $attempt\n";
my $left = "$canary $nonce\n";
open(my $out, '>', 'out/left') or die "out/left: $!";
print $out $left x 50;
close $out or die "out/left: $!";
say_so('end', $job, $attempt, $nonce, sha256_hex($left x 50));
exit $status;
