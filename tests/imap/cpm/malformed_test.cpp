// Objects as deployments spell them, and as attackers do: recognition says what it can and refuses nothing.
#include "imap/cpm/facts.h"
#include "imap/cpm/text.h"
#include "imap/mime/charset.h"
#include "tests/imap/cpm/samples.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cpm::imap::cpm_objects {
namespace {

using namespace samples;
using schema::Direction;
using schema::Disposition;
using schema::ObjectFacts;
using schema::ObjectKind;
using Names = std::vector<std::string>;

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const auto at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) out.replace(at, from.size(), to);
  return out;
}

// What a column takes.
void expect_storable(const ObjectFacts& facts) {
  const auto check = [](const std::string& text) {
    EXPECT_LE(text.size(), kFactOctets);
    EXPECT_EQ(text.find('\0'), std::string::npos);
    EXPECT_TRUE(mime::valid_in(text, "utf-8"));
  };
  for (const std::string* text :
       {&facts.conversation_id, &facts.contribution_id, &facts.imdn_message_id, &facts.message_id, &facts.conversation,
        &facts.in_reply_to, &facts.correlator, &facts.context, &facts.service, &facts.sender, &facts.subject,
        &facts.preview, &facts.session_type, &facts.focus, &facts.group_type, &facts.file_name, &facts.file_type,
        &facts.reports_on})
    check(*text);
  for (const std::string& address : facts.participants) check(address);
  EXPECT_LE(facts.participants.size(), 200U);
  EXPECT_TRUE(std::is_sorted(facts.participants.begin(), facts.participants.end()));
  EXPECT_EQ(std::adjacent_find(facts.participants.begin(), facts.participants.end()), facts.participants.end());
}

const std::vector<std::string>& all_samples() {
  static const std::vector<std::string> samples = {
      std::string(kStandalone),    wrapped(kChatContent),    wrapped(kImdn),          std::string(kSessionFirst),
      std::string(kSessionSecond), std::string(kGroupState), std::string(kFileFirst), wrapped(kFileSecond),
      std::string(kMedia),         std::string(kSms),        std::string(kMms)};
  return samples;
}

TEST(Malformed, BareLfSaysTheSame) {
  for (const std::string& sample : all_samples()) {
    const Place place = session("c", "s");
    const ObjectFacts lf = facts_of_octets(sample, place);
    const ObjectFacts crlf = facts_of(sample, place);
    EXPECT_EQ(lf.kind, crlf.kind) << sample;
    EXPECT_EQ(lf.preview, crlf.preview) << sample;
    EXPECT_EQ(lf.participants, crlf.participants) << sample;
    EXPECT_EQ(lf.moment, crlf.moment) << sample;
    EXPECT_EQ(lf.file_size, crlf.file_size) << sample;
    EXPECT_EQ(lf.reports_on, crlf.reports_on) << sample;
  }
}

TEST(Malformed, CutOffAnywhereIsStillRead) {
  for (const std::string& sample : all_samples()) {
    const std::string octets = crlf(sample);
    for (std::size_t length = 0; length <= octets.size(); ++length)
      expect_storable(facts_of_octets(std::string_view(octets).substr(0, length), session("c", "s")));
  }
}

TEST(Malformed, OneOctetWrongAnywhereIsStillRead) {
  for (const std::string& sample : all_samples()) {
    for (const char c : {'\0', '\xff', '<', '\n'}) {
      std::string octets = crlf(sample);
      for (std::size_t at = 0; at < octets.size(); at += 3) {
        const char before = std::exchange(octets[at], c);
        expect_storable(facts_of_octets(octets, session("c", "s")));
        octets[at] = before;
      }
    }
  }
}

TEST(Malformed, NamesInAnySpelling) {
  const ObjectFacts facts = facts_of(
      "FROM:<sip:alice@example.net>\nto :tel:+1\nconversation-id:c\nCONTRIBUTION-ID:  k\nImdn-Message-ID:m\n"
      "message-direction:SENT\nmessage-context:\"Pager-Message\"\nIn-Reply-To-Contribution-ID: "
      "r\ncontent-type:TEXT/PLAIN\n\nHi");
  EXPECT_EQ(facts.kind, ObjectKind::sms);
  EXPECT_EQ(facts.conversation_id, "c");
  EXPECT_EQ(facts.contribution_id, "k");
  EXPECT_EQ(facts.imdn_message_id, "m");
  EXPECT_EQ(facts.in_reply_to, "r");
  EXPECT_EQ(facts.context, "pager-message");
  EXPECT_EQ(facts.direction, Direction::sent);
  EXPECT_EQ(facts.participants, (Names{"sip:alice@example.net", "tel:+1"}));
  EXPECT_EQ(facts.preview, "Hi");
}

TEST(Malformed, Mss20BothSpellingsOfInReplyTo) {
  EXPECT_EQ(facts_of("InReplyTo-Contribution-ID: a\n\n").in_reply_to, "a");
  EXPECT_EQ(facts_of("In-Reply-To-Contribution-ID: b\n\n").in_reply_to, "b");
  EXPECT_EQ(facts_of("In-Reply-To-Contribution-ID: b\nInReplyTo-Contribution-ID: a\n\n").in_reply_to, "a");
}

TEST(Malformed, Mss20CorrelatorIsDecoded) {
  EXPECT_EQ(facts_of("Message-Correlator: =?utf-8?b?Y2Fmw6k=?=\n\n").correlator, "café");
  EXPECT_EQ(facts_of("Message-Correlator: =?utf-8?b?Y2Fm\n\n").correlator, "=?utf-8?b?Y2Fm");
}

TEST(Malformed, DirectionOtherThanSentIsReceived) {
  EXPECT_EQ(facts_of("Message-Direction: in\n\n").direction, Direction::received);
  EXPECT_EQ(facts_of("Message-Direction: \"sent\"\n\n").direction, Direction::sent);
  EXPECT_EQ(facts_of("Message-Direction:\n\n").direction, Direction::unknown);
}

TEST(Kinds, ByMessageContext) {
  struct Row {
    const char* context;
    ObjectKind kind;
  };
  for (const Row& row : {Row{"pager-message", ObjectKind::sms},
                         {"MULTIMEDIA-MESSAGE", ObjectKind::mms},
                         {"chat-message", ObjectKind::chat_message},
                         {"file-message", ObjectKind::file_transfer},
                         {"standalone-message", ObjectKind::message},
                         {"imdn-message", ObjectKind::notification},
                         {"conference-message", ObjectKind::signal},
                         {"geolocation-message", ObjectKind::media},
                         {"response-message", ObjectKind::message},
                         {"bot-message", ObjectKind::message},
                         {"X-RCS-Chat", ObjectKind::chat_message},
                         {"X-RCS-FT", ObjectKind::file_transfer},
                         {"X-RCS-PM", ObjectKind::message},
                         {"X-RCS-LM", ObjectKind::message},
                         {"X-RCS-Chat-GSO", ObjectKind::group_state},
                         {"X-RCS-Chat-Session", ObjectKind::session_info},
                         {"x-rcs-other", ObjectKind::message},
                         {"voice-message", ObjectKind::mail},
                         {"text-message", ObjectKind::mail}})
    EXPECT_EQ(facts_of("Message-Context: " + std::string(row.context) + "\n\nHi").kind, row.kind) << row.context;
}

TEST(Kinds, Mss4TheContentGoesBeforeTheContext) {
  EXPECT_EQ(
      facts_of("Message-Context: pager-message\nContent-Type: message/cpim\n\nFrom: a\n\n" + std::string(kImdn)).kind,
      ObjectKind::notification);
}

TEST(Kinds, Mss2ByService) {
  struct Row {
    const char* field;
    ObjectKind kind;
    const char* service;
    bool group;
  };
  for (const Row& row :
       {Row{"P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg", ObjectKind::message, "msg", false},
        {"P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.largemsg", ObjectKind::message, "largemsg",
         false},
        {"P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session", ObjectKind::chat_message, "session",
         false},
        {"p-asserted-service:URN:urn-7:3GPP-service.ims.icsi.oma.cpm.filetransfer", ObjectKind::file_transfer,
         "filetransfer", false},
        {"Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session.group\";explicit",
         ObjectKind::chat_message, "session", true},
        {"P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.deferred", ObjectKind::message,
         "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.deferred", false},
        {"Accept-Contact: *;automata", ObjectKind::message, "", false}}) {
    const ObjectFacts facts = facts_of(std::string(row.field) + "\n\nHi");
    EXPECT_EQ(facts.kind, row.kind) << row.field;
    EXPECT_EQ(facts.service, row.service) << row.field;
    EXPECT_EQ(facts.group, row.group) << row.field;
  }
}

TEST(Kinds, Mss3TypesInAnySpelling) {
  for (const char* type :
       {"multipart/related;boundary=cpm; type=\"Application/X-CPM-File-Transfer\"",
        "Multipart/Related; boundary=\"cpm\"; type=application/x-cpm-file-transfer",
        "multipart/related; boundary=cpm; type=\xe2\x80\x9d"
        "Application/X-CPM-File-Transfer\xe2\x80\x9d",
        "multipart/related;\n boundary=cpm;\n type=\"APPLICATION/X-CPM-FILE-TRANSFER\"",
        "multipart/related; boundary=cpm", "multipart/related; type=\"Application/X-CPM-File-Transfer\""}) {
    const std::string text =
        replaced(kFileFirst, "multipart/related;boundary=cpm; type=\"Application/X-CPM-File-Transfer\"", type);
    const ObjectFacts facts = facts_of(text);
    EXPECT_EQ(facts.kind, ObjectKind::file_transfer) << type;
    EXPECT_EQ(facts.generation, 1) << type;
    EXPECT_EQ(facts.file_name, "cat.jpg") << type;
    EXPECT_EQ(facts.session_type, "1-1") << type;
  }
}

TEST(Kinds, PlacesMakeHistoriesOfPlainMessages) {
  const std::string mail = "From: bob@example.net\nSubject: =?utf-8?q?caf=C3=A9?=\n\nHello";
  EXPECT_EQ(facts_of(mail).kind, ObjectKind::mail);
  EXPECT_EQ(facts_of(mail, {Place::Kind::root, "", ""}).kind, ObjectKind::mail);
  EXPECT_EQ(facts_of(mail, conversation("c")).kind, ObjectKind::message);
  EXPECT_EQ(facts_of(mail, session("c", "s")).kind, ObjectKind::chat_message);
  EXPECT_EQ(facts_of(mail, session("c", "s")).subject, "café");
  EXPECT_EQ(facts_of(mail, session("c", "s")).generation, 0);
  EXPECT_EQ(facts_of("", session("c", "s")).kind, ObjectKind::chat_message);
}

TEST(Kinds, Mss6MediaOfEveryType) {
  const auto media = [](std::string_view header, std::string_view body = "x") {
    return facts_of("Conversation-ID: c\n" + std::string(header) + "\n\n" + std::string(body));
  };
  EXPECT_EQ(media("Content-Type: text/vcard").kind, ObjectKind::media);
  EXPECT_EQ(media("Content-Type: text/vcard").preview, "text/vcard");
  EXPECT_EQ(media("Content-Type: text/html", "<p>Hi <b>you</b></p>").kind, ObjectKind::message);
  EXPECT_EQ(media("Content-Type: text/html", "<p>Hi <b>you</b></p>").preview, "Hi you");
  const ObjectFacts named = media("Content-Type: audio/amr; name=\"=?utf-8?q?caf=C3=A9.amr?=\"");
  EXPECT_EQ(named.kind, ObjectKind::media);
  EXPECT_EQ(named.file_name, "café.amr");
  EXPECT_EQ(named.preview, "café.amr");
  EXPECT_EQ(named.file_size, 1U);
  const ObjectFacts place = media("Content-Type: application/vnd.gsma.rcspushlocation+xml",
                                  "<rcsenvelope><rcspushlocation label='here'/></rcsenvelope>");
  EXPECT_EQ(place.kind, ObjectKind::media);
  EXPECT_EQ(place.preview, "here");
  EXPECT_EQ(place.file_parts, 0);
  EXPECT_EQ(media("Content-Type: application/vnd.gsma.rcspushlocation+xml").preview,
            "application/vnd.gsma.rcspushlocation+xml");
  EXPECT_EQ(
      media("Content-Type: multipart/mixed; boundary=b", "--b\nContent-Type: image/png\n\nx\n--b\n\nHi\n--b--").kind,
      ObjectKind::message)
      << "a message with a picture";
}

TEST(Files, Mss3SeveralWithAThumbnail) {
  const ObjectFacts facts = facts_of(R"(Contribution-ID: ft
Content-Type: multipart/related;boundary=cpm; type="Application/X-CPM-File-Transfer"

--cpm
Content-Type: Application/X-CPM-File-Transfer

<file-transfer-type>Ad-Hoc</file-transfer-type>
<file-object><cid>cid:<icon@x></cid><sdp>a=file-selector:name:"icon.jpg" size:9</sdp></file-object>
<file-object><cid>cid:<f1@x></cid><sdp>a=file-selector:type:image/jpeg
a=file-icon:cid:icon@x</sdp></file-object>
<file-object><cid>cid:<f2@x></cid><sdp></sdp></file-object>
--cpm
Content-Type: image/png
Content-ID: <icon@x>

x
--cpm
Content-Type: image/x-other; name="lake.jpg"
Content-ID: <f1@x>
Content-Transfer-Encoding: binary

abcd
--cpm--)");
  EXPECT_EQ(facts.kind, ObjectKind::file_transfer);
  EXPECT_EQ(facts.file_parts, 2);
  EXPECT_EQ(facts.file_name, "lake.jpg") << "of its part";
  EXPECT_EQ(facts.file_type, "image/jpeg") << "of SDP";
  EXPECT_EQ(facts.file_size, 4U);
  EXPECT_TRUE(facts.group);
}

TEST(Files, Mss3SizeOfALongFileWithoutReadingIt) {
  const std::size_t octets = 300000;
  for (const std::string line_end : {"\r\n", "\n"}) {
    for (std::size_t extra = 0; extra < 60; ++extra) {
      const std::size_t size = octets + extra;
      std::string body;
      for (std::size_t at = 0; at < size; at += 57) {
        const std::size_t n = std::min<std::size_t>(57, size - at);
        body += std::string((n + 2) / 3 * 4 - (3 - n % 3) % 3, 'A') + std::string((3 - n % 3) % 3, '=') + line_end;
      }
      const std::string header =
          "Conversation-ID: c\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n";
      ASSERT_EQ(facts_of_octets(header + body).file_size, size);
      ASSERT_EQ(facts_of_octets(header + body.substr(0, body.size() - line_end.size())).file_size, size);
    }
  }
}

TEST(Files, TextsAttachedWithANameAreFiles) {
  const ObjectFacts facts =
      facts_of("Conversation-ID: c\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nHi");
  EXPECT_EQ(facts.kind, ObjectKind::media);
  EXPECT_EQ(facts.preview, "a.txt");
}

TEST(Texts, CharsetsAndTransferEncodings) {
  const auto preview = [](std::string_view fields, std::string_view body) {
    return facts_of_octets(crlf("Contribution-ID: c\n" + std::string(fields) + "\n\n") + std::string(body)).preview;
  };
  EXPECT_EQ(preview("Content-Type: text/plain; charset=iso-8859-1", "caf\xe9"), "café");
  EXPECT_EQ(preview("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable",
                    "caf=C3=A9=\r\n au\r\nlait"),
            "café au lait");
  EXPECT_EQ(preview("Content-Type: text/plain; charset=utf-16be\nContent-Transfer-Encoding: base64", "AGMAYQBmAOk="),
            "café");
  EXPECT_EQ(preview("Content-Type: text/plain; charset=nobody-knows", "caf\xc3\xa9"), "café");
  EXPECT_EQ(preview("Content-Type: text/plain", "a\xff z"), "a\xef\xbf\xbd z");
  EXPECT_EQ(preview("Content-Type: text/plain", std::string_view("a\0b", 3)), "a b");
  EXPECT_EQ(preview("Content-Type: text/plain", std::string(1 << 20, ' ')), "");
}

TEST(People, AnonymousSendersAreNobody) {
  const ObjectFacts facts = facts_of("From: <sip:anonymous@anonymous.invalid>\nConversation-ID: c\n\nHi");
  EXPECT_EQ(facts.sender, "");
  EXPECT_TRUE(facts.participants.empty());
}

TEST(People, TwoAddressesOfOneFieldMakeAGroup) {
  EXPECT_TRUE(facts_of("To: tel:+1, <tel:+2>\nConversation-ID: c\n\nHi").group);
  EXPECT_TRUE(facts_of("To: tel:+1\nCc: tel:+2\nConversation-ID: c\n\nHi").group);
  EXPECT_FALSE(facts_of("To: tel:+1, <sip:+1@x;user=phone>\nConversation-ID: c\n\nHi").group) << "one person";
}

TEST(Facts, IdentifierOfCpimWhenTheHeaderHasNone) {
  const ObjectFacts facts = facts_of(replaced(wrapped(kChatContent), "IMDN-Message-ID: msg-a1\n", ""));
  EXPECT_EQ(facts.imdn_message_id, "msg-a1") << "reports will name it";
  EXPECT_FALSE(facts.exact) << "SEARCH HEADER must look at the header itself";
}

TEST(Facts, ExactnessOfTheFourIdentifiers) {
  EXPECT_TRUE(facts_of("Conversation-ID: c\n\n").exact);
  EXPECT_FALSE(facts_of("Conversation-ID: c\nConversation-ID: d\n\n").exact);
  EXPECT_EQ(facts_of("Conversation-ID: c\nConversation-ID: d\n\n").conversation_id, "c");
  EXPECT_FALSE(facts_of("Message-ID: =?utf-8?q?x?=\n\n").exact);
  EXPECT_FALSE(facts_of("Message-ID:\n\n").exact);
  EXPECT_FALSE(facts_of("Message-ID: caf\xc3\xa9\n\n").exact);
  EXPECT_FALSE(facts_of("Message-ID: " + std::string(1001, 'a') + "\n\n").exact);
  EXPECT_EQ(facts_of("Message-ID: " + std::string(1001, 'a') + "\n\n").message_id, "");
}

TEST(Hostile, HugeValuesAreCut) {
  const std::string huge(200000, 'x');
  std::string header = "Content-Type: message/cpim\n";
  for (const char* name :
       {"From", "To", "Cc", "Subject", "Conversation-ID", "Message-Correlator", "Message-Context", "P-Asserted-Service",
        "Accept-Contact", "InReplyTo-Contribution-ID", "DateTime", "Message-Direction"})
    header += std::string(name) + ": " + huge + "\n";
  expect_storable(
      facts_of(header + "\nFrom: " + huge + "\nSubject: " + huge + "\n\nContent-Type: text/" + huge + "\n\n" + huge));
  std::string people;
  for (int i = 0; i < 5000; ++i) people += "tel:+" + std::to_string(i) + ", ";
  const ObjectFacts facts = facts_of("Conversation-ID: c\nTo: " + people + "\n\n");
  expect_storable(facts);
  EXPECT_EQ(facts.participants.size(), 200U);
}

TEST(Hostile, NestedContentIsNotWalkedRecursively) {
  std::string deep = "Conversation-ID: c\nContent-Type: message/cpim\n\nFrom: a\n\n";
  for (int i = 0; i < 5000; ++i)
    deep += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\n\n--b" + std::to_string(i) + "\n";
  expect_storable(facts_of(deep));
  for (const std::string_view open :
       {"<a>", "<imdn>", "<status>", "<message-id>", "<a b='", "<![CDATA[", "<!--", "<!DOCTYPE [", "&#1;"}) {
    std::string xml;
    while (xml.size() < 200000) xml += open;
    for (const char* type : {"message/imdn+xml", "application/x-cpm-session", "application/group-state-object+xml",
                             "application/vnd.gsma.rcs-ft-http+xml", "application/vnd.gsma.rcspushlocation+xml"})
      expect_storable(facts_of(wrapped("Content-Type: " + std::string(type) + "\n\n" + xml)));
  }
}

TEST(Hostile, Mss4ADeepDocumentBehindTheBoundIsCutAndStillRead) {
  const std::string padding(100000, ' ');
  const ObjectFacts facts =
      facts_of(wrapped("Content-Type: message/imdn+xml\n\n<imdn><message-id>m1</message-id>" + padding +
                       "<delivery-notification><status><delivered/></status></delivery-notification></imdn>"));
  EXPECT_EQ(facts.reports_on, "m1");
  EXPECT_EQ(facts.disposition, Disposition::none) << "behind 64 KiB";
}

}  // namespace
}  // namespace cpm::imap::cpm_objects
