#include "imap/mime/envelope.h"

#include "imap/mime/bodystructure.h"

#include <gtest/gtest.h>

namespace cpm::imap::mime {
namespace {

// The list as IMAP writes it, which is short to compare.
std::string listed(std::string_view value) {
  Envelope envelope;
  envelope.bcc = parse_addresses(value);
  const std::string bytes = envelope_bytes(envelope);
  const std::string before = "(NIL NIL NIL NIL NIL NIL NIL ";
  const std::string after = " NIL NIL)";
  return bytes.substr(before.size(), bytes.size() - before.size() - after.size());
}

struct Case {
  std::string_view value;
  std::string_view imap;
};

TEST(Addresses, AreReadAsRfc5322Says) {
  const Case cases[] = {
      {"", "NIL"},
      {"alice@example.net", R"(((NIL NIL "alice" "example.net")))"},
      {"<alice@example.net>", R"(((NIL NIL "alice" "example.net")))"},
      {"Alice Smith <alice@example.net>", R"((("Alice Smith" NIL "alice" "example.net")))"},
      {"\"Smith, Alice\" <alice@example.net>, Bob <bob@example.net>",
       R"((("Smith, Alice" NIL "alice" "example.net")("Bob" NIL "bob" "example.net")))"},
      {"\"Joe \\\"Q\\\" Public\" <joe@example.net>", R"((("Joe \"Q\" Public" NIL "joe" "example.net")))"},
      {"Joe Q. Public <joe@example.net>", R"((("Joe Q. Public" NIL "joe" "example.net")))"},
      {"alice@example.net (Alice (from) work)", R"((("Alice (from) work" NIL "alice" "example.net")))"},
      {"=?utf-8?Q?Ren=C3=A9?= Descartes <rene@example.net>",
       R"((("=?utf-8?Q?Ren=C3=A9?= Descartes" NIL "rene" "example.net")))"},
      {"=?utf-8?Q?Smith,_A:B?= <a@example.net>", R"((("=?utf-8?Q?Smith,_A:B?=" NIL "a" "example.net")))"},
      {"Alice<alice@example.net>(comment)", R"((("Alice" NIL "alice" "example.net")))"},
      {"\"john doe\"@example.net", R"(((NIL NIL "john doe" "example.net")))"},
      {"a . b @ c . d", R"(((NIL NIL "a.b" "c.d")))"},
      {"alice@[192.0.2.1]", R"(((NIL NIL "alice" "[192.0.2.1]")))"},
      {"<@relay.example,@two.example:alice@example.net>",
       R"(((NIL "@relay.example,@two.example" "alice" "example.net")))"},
      {"Friends: alice@example.net, Bob <bob@example.net>; carol@example.net",
       R"(((NIL NIL "Friends" NIL)(NIL NIL "alice" "example.net")("Bob" NIL "bob" "example.net")(NIL NIL NIL NIL)(NIL NIL "carol" "example.net")))"},
      {"undisclosed-recipients:;", R"(((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)))"},
      {"A Group(Some people):Chris Jones <c@(host)public.example>;",
       R"(((NIL NIL "A Group" NIL)("Chris Jones" NIL "c" "public.example")(NIL NIL NIL NIL)))"},
      {"[Team] Alice <alice@example.net>", R"((("[Team] Alice" NIL "alice" "example.net")))"},
  };
  for (const auto& test : cases) EXPECT_EQ(listed(test.value), test.imap) << test.value;
}

TEST(Addresses, OfRcsKeepTheirScheme) {
  const Case cases[] = {
      {"<sip:alice@example.net>", R"(((NIL NIL "sip:alice" "example.net")))"},
      {"sip:alice@example.net", R"(((NIL NIL "sip:alice" "example.net")))"},
      {"tel:+33600000002", R"(((NIL NIL "tel:+33600000002" "")))"},
      {"<tel:+33600000002>", R"(((NIL NIL "tel:+33600000002" "")))"},
      {"+33600000002", R"(((NIL NIL "+33600000002" "")))"},
      {"sip:anonymous@anonymous.invalid", R"(((NIL NIL "sip:anonymous" "anonymous.invalid")))"},
      {"Bob <sip:bob@example.net;user=phone>;tag=1", R"((("Bob" NIL "sip:bob" "example.net;user=phone")))"},
      {"tel:+331, tel:+332 , <sip:c@example.net>",
       R"(((NIL NIL "tel:+331" "")(NIL NIL "tel:+332" "")(NIL NIL "sip:c" "example.net")))"},
      {"sip:conference-factory@ims.example", R"(((NIL NIL "sip:conference-factory" "ims.example")))"},
      {"\"Bob\" <tel:+33600000002>", R"((("Bob" NIL "tel:+33600000002" "")))"},
      {"Bob tel:+33600000002", R"((("Bob" NIL "tel:+33600000002" "")))"},
      {"TEL:+1;phone-context=example.net", R"(((NIL NIL "TEL:+1;phone-context=example.net" "")))"},
  };
  for (const auto& test : cases) EXPECT_EQ(listed(test.value), test.imap) << test.value;
}

TEST(Addresses, ThatAreBrokenGiveSomethingSensible) {
  const Case cases[] = {
      {"alice", R"(((NIL NIL "alice" "")))"},
      {"Alice Smith", R"((("Alice Smith" NIL "" "")))"},
      {"<>", R"(((NIL NIL "" "")))"},
      {"<alice>", R"(((NIL NIL "alice" "")))"},
      {"Alice <alice@example.net", R"((("Alice" NIL "alice" "example.net")))"},
      {"Alice alice@example.net", R"((("Alice" NIL "alice" "example.net")))"},
      {"alice@example.net Alice", R"((("Alice" NIL "alice" "example.net")))"},
      {"alice@example.net; bob@example.net", R"(((NIL NIL "alice" "example.net")(NIL NIL "bob" "example.net")))"},
      {",, alice@example.net ,,", R"(((NIL NIL "alice" "example.net")))"},
      {"Friends: alice@example.net", R"(((NIL NIL "Friends" NIL)(NIL NIL "alice" "example.net")(NIL NIL NIL NIL)))"},
      {"a@b@c", R"(((NIL NIL "a@b" "c")))"},
      {"@example.net", R"(((NIL NIL "" "example.net")))"},
      {"alice@", R"(((NIL NIL "alice" "")))"},
      {"\"unterminated <alice@example.net>", R"(((NIL NIL "unterminated <alice@example.net>" "")))"},
      {"(only a comment)", "NIL"},
      {"(unterminated", "NIL"},
      {">) alice@example.net", R"(((NIL NIL "alice" "example.net")))"},
      {"One <a@b> Two <c@d>", R"((("One" NIL "a" "b")(NIL NIL "c" "d")))"},
      {":;", "NIL"},
      {"a@b:c", R"(((NIL NIL "a" "b:c")))"},
  };
  for (const auto& test : cases) EXPECT_EQ(listed(test.value), test.imap) << test.value;
}

TEST(Addresses, AreLimitedAndLinear) {
  std::string many;
  for (int i = 0; i < 20000; ++i) many += "a@b,";
  EXPECT_EQ(parse_addresses(many).size(), kMaxAddresses);
  for (const auto unit : {"[", "<", "<@", "(", "a:", "a@b:", "=?", "\"", "sip:", "a ", "@", ";"}) {
    std::string hostile;
    while (hostile.size() < 100000) hostile += unit;
    EXPECT_LE(parse_addresses(hostile).size(), kMaxAddresses + 1) << unit;
  }
}

TEST(Envelope, FollowsTheExampleOfRfc3501) {
  const auto envelope = parse_envelope(
      "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
      "From: Terry Gray <gray@cac.washington.edu>\r\n"
      "Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
      "To: imap@cac.washington.edu\r\n"
      "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
      "Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
      "MIME-Version: 1.0\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n");
  EXPECT_EQ(envelope_bytes(envelope),
            "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
            "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
            "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
            "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
            "((NIL NIL \"imap\" \"cac.washington.edu\")) "
            "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) "
            "NIL NIL \"<B27397-0100000@cac.washington.edu>\")");
}

TEST(Envelope, TellsAbsentFromEmpty) {
  const auto envelope = parse_envelope("Subject:\r\nDate:  \r\nFrom:\r\n\r\n");
  EXPECT_EQ(envelope.subject, "");
  EXPECT_EQ(envelope.date, "");
  EXPECT_EQ(envelope.message_id, std::nullopt);
  EXPECT_TRUE(envelope.from.empty());
  EXPECT_EQ(envelope_bytes(envelope), "(\"\" \"\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

TEST(Envelope, KeepsSenderAndReplyToWhenGiven) {
  const auto envelope = parse_envelope("From: a@x\r\nSender: b@x\r\nReply-To: c@x\r\nTo: d@x\r\nTo: e@x\r\n\r\n");
  EXPECT_EQ(*envelope.sender.at(0).mailbox, "b");
  EXPECT_EQ(*envelope.reply_to.at(0).mailbox, "c");
  EXPECT_EQ(envelope.to.size(), 2U);
}

TEST(Envelope, EmptySenderFallsBackToFrom) {
  const auto envelope = parse_envelope("From: a@x\r\nSender:\r\nReply-To: \r\n\r\n");
  EXPECT_EQ(envelope.sender, envelope.from);
  EXPECT_EQ(envelope.reply_to, envelope.from);
}

TEST(Envelope, UnfoldsAndKeepsEncodedWords) {
  const auto envelope =
      parse_envelope("Subject: =?utf-8?q?a?=\r\n =?utf-8?q?b?=\r\nIn-Reply-To: <1@x>\r\n <2@x>\r\n\r\n");
  EXPECT_EQ(envelope.subject, "=?utf-8?q?a?= =?utf-8?q?b?=");
  EXPECT_EQ(envelope.in_reply_to, "<1@x> <2@x>");
}

TEST(Envelope, OfACpmMessage) {
  const auto envelope = parse_envelope(
      "Date: Tue, 12 May 2020 09:15:00 +0200\r\nFrom: tel:+33600000002\r\nTo: tel:+33600000001\r\n"
      "Message-ID: <1@store.example>\r\n\r\n");
  EXPECT_EQ(envelope_bytes(envelope),
            "(\"Tue, 12 May 2020 09:15:00 +0200\" NIL ((NIL NIL \"tel:+33600000002\" \"\")) "
            "((NIL NIL \"tel:+33600000002\" \"\")) ((NIL NIL \"tel:+33600000002\" \"\")) "
            "((NIL NIL \"tel:+33600000001\" \"\")) NIL NIL NIL \"<1@store.example>\")");
}

}  // namespace
}  // namespace cpm::imap::mime
