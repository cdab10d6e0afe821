// The objects that RCS clients store, as they are written by two generations of them.
#include "imap/mime/bodystructure.h"
#include "imap/mime/casemap.h"
#include "imap/mime/header.h"
#include "imap/mime/search_text.h"
#include "tests/imap/mime/sample.h"

#include <gtest/gtest.h>

namespace cpm::imap::mime::test {
namespace {

struct Sample {
  const char* what;
  std::string_view text;       // LF
  std::string_view structure;  // BODY
  std::string_view from;       // mailbox of the first From
  std::string_view found;      // in the body text
};

const Sample kSamples[] = {
    {"pager message, first generation",
     "From: <sip:alice@example.net>\nTo: <sip:bob@example.net>\nDate: Mon, 04 May 2020 08:30:00 +0200\n"
     "Message-ID: m-77@store.example\nConversation-ID: conv1\nContribution-ID: contrib-7\n"
     "Content-Type: text/plain; charset=utf-8\n\nHi Bob\n",
     R"(("text" "plain" ("charset" "utf-8") NIL NIL "7BIT" 8 1))", "sip:alice", "hi bob"},
    {"chat message in CPIM",
     "Date: Tue, 12 May 2020 09:15:00 +0200\nFrom: tel:+33600000002\nTo: tel:+33600000001\nMIME-Version: 1.0\n"
     "Content-Type: message/cpim\nContent-Transfer-Encoding: 8bit\nIMDN-Message-ID: msg-a1\nMessage-Direction: "
     "received\n\n"
     "From: <sip:anonymous@anonymous.invalid>\nimdn.Message-ID: msg-a1\n\nContent-type: "
     "text/plain;charset=utf-8\n\nHello",
     R"(("message" "cpim" NIL NIL NIL "8bit" 115))", "tel:+33600000002", "hello"},
    {"session info, first generation",
     "From: <sip:alice@example.net>\nDate: Mon, 04 May 2020 08:30:00 +0200\nSubject: lunch\n"
     "Content-Type: multipart/related;boundary=cpm; type=\"Application/X-CPM-Session\"\n\n"
     "--cpm\nContent-Type: Application/X-CPM-Session\n\n<session-type>Ad-Hoc</session-type>\n"
     "--cpm\nContent-Type: audio/basic\nContent-Transfer-Encoding: base64\nContent-ID: "
     "<m1@example.net>\n\nAAAA\n--cpm--\n",
     R"((("Application" "X-CPM-Session" NIL NIL NIL "7BIT" 35)("audio" "basic" NIL "<m1@example.net>" NIL "base64" 4) "related"))",
     "sip:alice", "ad-hoc"},
    {"session info, second generation",
     "Date: Tue, 12 May 2020 09:15:00 +0200\nFrom: tel:+33600000001\nTo: sip:conference-factory@ims.example\nSubject: "
     "team\n"
     "Content-Type: application/x-cpm-session\nMessage-Direction: "
     "sent\n\n<session><session-type>Group</session-type></session>",
     R"(("application" "x-cpm-session" NIL NIL NIL "7BIT" 53))", "tel:+33600000001", ">group<"},
    {"group state",
     "Content-Type: application/group-state-object+xml\nDate: Mon, 04 May 2020 08:45:00 +0200\nFrom: tel:+1\n\n"
     "<groupstate lastfocussessionid=\"sip:focus-77@ims.example\"/>\n",
     R"(("application" "group-state-object+xml" NIL NIL NIL "7BIT" 61))", "tel:+1", "SIP:FOCUS-77"},
    {"file transfer",
     "From: <sip:alice@example.net>\nDate: Wed, 06 May 2020 10:00:00 +0000\n"
     "Content-Type: multipart/related;boundary=cpm; type=\"Application/X-CPM-File-Transfer\"\n\n"
     "--cpm\nContent-Type: Application/X-CPM-File-Transfer\n\n<cid>cid:<f1@example.net></cid>\n"
     "--cpm\nContent-Type: image/jpeg\nContent-Transfer-Encoding: base64\nContent-ID: "
     "<f1@example.net>\n\nAAEC\n--cpm--",
     R"((("Application" "X-CPM-File-Transfer" NIL NIL NIL "7BIT" 31)("image" "jpeg" NIL "<f1@example.net>" NIL "base64" 4) "related"))",
     "sip:alice", "cid:<f1@"},
    {"standalone media",
     "From: <sip:alice@example.net>\nDate: Mon, 04 May 2020 08:45:00 +0200\nContent-Type: image/png\n"
     "Content-Transfer-Encoding: base64\nContent-Disposition: attachment\n\niVBORw0K\n",
     R"(("image" "png" NIL NIL NIL "base64" 10))", "sip:alice", ""},
    {"SMS without a last line end",
     "From: tel:+33600000002\nTo: tel:+33600000001\nDate: Tue, 12 May 2020 09:15:00 +0200\nMessage-Correlator: Hello!\n"
     "Content-Type: message/cpim\n\nFrom: tel:+33600000002\n\nContent-Type: text/plain; charset=utf-8\n\nHello!",
     R"(("message" "cpim" NIL NIL NIL "7BIT" 75))", "tel:+33600000002", "hello!"},
};

TEST(CpmSamples, HaveTheRightStructure) {
  for (const auto& sample : kSamples)
    EXPECT_EQ(body_structure_bytes(parse(crlf(sample.text)), false), sample.structure) << sample.what;
}

TEST(CpmSamples, HaveSenderAndDate) {
  for (const auto& sample : kSamples) {
    const std::string octets = crlf(sample.text);
    const Part part = parse(octets);
    ASSERT_EQ(part.envelope->from.size(), 1U) << sample.what;
    EXPECT_EQ(part.envelope->from[0].mailbox, sample.from) << sample.what;
    EXPECT_TRUE(part.envelope->from[0].host) << sample.what;
    EXPECT_TRUE(header_date(octets)) << sample.what;
  }
}

TEST(CpmSamples, AreSearchable) {
  for (const auto& sample : kSamples) {
    const std::string octets = crlf(sample.text);
    MemorySource source(octets);
    EXPECT_TRUE(body_contains(source, parse(octets), unicode_casemap(sample.found))) << sample.what;
    EXPECT_FALSE(body_contains(source, parse(octets), "ABSENT")) << sample.what;
  }
}

}  // namespace
}  // namespace cpm::imap::mime::test
