#!/usr/bin/perl
# A tour with Mail::IMAPClient: perl_client.pl HOST PORT USER PASSWORD. Started by perl_client.py.
use strict;
use warnings;
use IO::Socket::SSL;
use Mail::IMAPClient;

$| = 1;
my ($host, $port, $user, $password) = @ARGV;

sub check {
    my ($fact, $text, $seen) = @_;
    if (!$fact) {
        print "FAIL  $text", defined $seen ? "\n  seen: $seen" : "", "\n";
        exit 1;
    }
    print "ok    $text\n";
}

sub message {
    my ($number) = @_;
    return "From: Bob <bob\@example.net>\r\nTo: Alice <alice\@example.net>\r\nSubject: Message $number\r\n"
        . "Date: Mon, 02 Feb 2026 10:00:00 +0000\r\nMessage-ID: <p$number\@example.net>\r\n\r\nBody of $number.\r\n";
}

sub connect_to {
    return Mail::IMAPClient->new(Server => $host, Port => $port, User => $user, Password => $password,
        Ssl => [ SSL_verify_mode => SSL_VERIFY_NONE ], Uid => 1, Timeout => 30);
}

my $imap = connect_to();
check($imap, "login over TLS", $@);
check($imap->has_capability("UIDPLUS"), "UIDPLUS");
check($imap->has_capability("IDLE"), "IDLE");
check($imap->separator eq "/", "the separator is /", $imap->separator);
check($imap->create("Perl/Deep"), "create", $imap->LastError);
check($imap->exists("Perl/Deep"), "exists");
check(!$imap->exists("Perl/Nothing"), "a missing one does not");
check((grep { $_ eq "Perl/Deep" } $imap->folders), "folders lists it", join ",", $imap->folders);

my @uids = map { $imap->append_string("INBOX", message($_), $_ % 2 ? "\\Seen" : "") } 1 .. 6;
check("@uids" eq "1 2 3 4 5 6", "append_string gives the UIDs", "@uids");
check($imap->select("INBOX"), "select", $imap->LastError);
check($imap->message_count == 6, "message_count", $imap->message_count);
check($imap->unseen_count == 3, "unseen_count", $imap->unseen_count);
check($imap->message_string(3) eq message(3), "message_string gives the octets", $imap->message_string(3));
check($imap->size(3) == length message(3), "size");
check($imap->subject(4) eq "Message 4", "subject", $imap->subject(4));
my $headers = $imap->parse_headers([1 .. 6], "Subject", "From");
check($headers->{5}{Subject}[0] eq "Message 5", "parse_headers");
my $envelope = $imap->get_envelope(2);
check($envelope->{messageid} =~ /p2\@example\.net/, "get_envelope", $envelope->{messageid});
my $structure = $imap->get_bodystructure(2);
check($structure && $structure->bodytype =~ /TEXT/i, "get_bodystructure");
check($imap->body_string(2) =~ /Body of 2\./, "body_string");

my @found = $imap->search('SUBJECT "Message 3"');
check("@found" eq "3", "search", "@found");
check(join(" ", $imap->unseen) eq "4 6", "unseen after body_string set one seen", join(" ", $imap->unseen));
check($imap->set_flag("Flagged", 1, 2), "set_flag", $imap->LastError);
check((grep { /Flagged/ } $imap->flags(2)), "flags", join ",", $imap->flags(2));
check($imap->unset_flag("Flagged", 1), "unset_flag", $imap->LastError);

my $copied = $imap->copy("Perl/Deep", 1, 2);
check($copied && $copied eq "1,2" || $copied eq "1:2", "copy gives the new UIDs", $copied);
check($imap->move("Perl/Deep", 3), "move", $imap->LastError);
$imap->expunge;
check($imap->message_count == 5, "five are left", $imap->message_count);
check($imap->status("Perl/Deep", "MESSAGES"), "status", $imap->LastError);
check($imap->delete_message(4), "delete_message", $imap->LastError);
check($imap->expunge, "expunge", $imap->LastError);
check(join(" ", $imap->messages) eq "1 2 5 6", "UIDs that are left", join(" ", $imap->messages));

my $tag = $imap->idle;
check($tag, "idle", $imap->LastError);
my $other = connect_to();
check($other->append_string("INBOX", message(7)), "append by a second connection", $other->LastError);
my $told = 0;
for (1 .. 10) {
    my $data = $imap->idle_data(1) or next;
    $told = 1 if grep { defined && /^\* 5 EXISTS/ } @$data;
    last if $told;
}
check($told, "IDLE tells EXISTS");
check($imap->done($tag), "done", $imap->LastError);
check(!defined $imap->select("Nowhere"), "a missing mailbox is refused");
check($imap->LastError =~ /NO /, "with NO", $imap->LastError);
check($imap->rename("Perl/Deep", "Perl/Moved"), "rename", $imap->LastError);
check($imap->delete("Perl/Moved"), "delete", $imap->LastError);
check($imap->logout, "logout", $imap->LastError);
$other->logout;
