#include "admin/deposit/object_builder.h"

#include "admin/deposit/conversation_reader.h"
#include "admin/deposit/text.h"
#include "tests/admin/folder.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cpm::deposit {
namespace {

using admin::test::Folder;

std::string octets_of(const Object& object) {
  std::string all;
  EXPECT_TRUE(write_object(object, [&](std::string_view octets) -> Result<void> {
    all += octets;
    return {};
  }));
  EXPECT_EQ(all.size(), object.size());
  return all;
}

Result<Object> built(const std::string& json, const std::string& folder = {}, int generation = 2) {
  CPM_TRY(facts, read_facts(json, folder));
  return build_object(facts, BuildOptions{generation, "Default"});
}

Object object(const std::string& json, const std::string& folder = {}) {
  auto made = built(json, folder);
  if (!made) throw std::runtime_error(made.error().text);
  return std::move(*made);
}

std::string text(const std::string& json, const std::string& folder = {}) { return octets_of(object(json, folder)); }

std::string lines(std::string sample) { return crlf_lines(sample); }

bool holds(const std::string& all, const std::string& part) { return all.find(part) != std::string::npos; }

// --- the samples of cpm-message-storage section 1

TEST(Mss68ObjectBuilder, StandaloneMessageOfGeneration1) {
  EXPECT_EQ(text(R"({"type":"message","generation":1,"conversation":"conv1","contribution":"contrib-7",
    "id":"m-77@store.example","from":"sip:alice@example.net","to":["sip:bob@example.net"],
    "date":"2020-05-04T08:30:00+02:00","text":"Hi Bob"})"),
            lines(R"(From: <sip:alice@example.net>
To: <sip:bob@example.net>
Date: Mon, 04 May 2020 08:30:00 +0200
Message-ID: m-77@store.example
Conversation-ID: conv1
Contribution-ID: contrib-7
Content-Type: text/plain; charset=utf-8

Hi Bob)"));
}

TEST(Mss69ObjectBuilder, ChatMessageOfGeneration2) {
  const Object made =
      object(R"({"type":"chat","conversation":"+33600000002","id":"msg-a1","message_id":"<1@store.example>",
    "from":"tel:+33600000002","to":"tel:+33600000001","direction":"received","date":"2020-05-12T09:15:00+02:00",
    "text":"Hello","notify":["positive-delivery"]})");
  EXPECT_EQ(made.mailbox, "Default/tel:+33600000002");
  EXPECT_EQ(octets_of(made), lines(R"(Date: Tue, 12 May 2020 09:15:00 +0200
From: tel:+33600000002
To: tel:+33600000001
Message-ID: <1@store.example>
MIME-Version: 1.0
Content-Type: message/cpim
Content-Transfer-Encoding: 8bit
Conversation-ID: +33600000002
Contribution-ID: +33600000002
IMDN-Message-ID: msg-a1
Message-Direction: received

From: <sip:anonymous@anonymous.invalid>
To: <sip:anonymous@anonymous.invalid>
NS: imdn <urn:ietf:params:imdn>
imdn.Message-ID: msg-a1
DateTime: 2020-05-12T09:15:00+02:00
imdn.Disposition-Notification: positive-delivery

Content-type: text/plain;charset=utf-8
Content-length: 5

Hello)"));
}

TEST(Mss69ObjectBuilder, NotificationsOfBothKinds) {
  const std::string delivered = text(R"({"type":"notification","id":"rep-1","of":"msg-a1","status":"delivered",
    "from":"tel:+33600000001","to":"tel:+33600000002","direction":"sent","date":"2020-05-12T09:15:04+02:00"})");
  EXPECT_TRUE(delivered.ends_with(lines(R"(Content-type: message/imdn+xml
Content-Disposition: notification
Content-length: 245

<?xml version="1.0" encoding="UTF-8"?>
<imdn xmlns="urn:ietf:params:xml:ns:imdn">
<message-id>msg-a1</message-id>
<datetime>2020-05-12T07:15:04Z</datetime>
<delivery-notification><status><delivered/></status></delivery-notification>
</imdn>)")))
      << delivered;
  EXPECT_FALSE(holds(delivered, "Conversation-ID"));  // network-written ones may lack it (1.4)
  const std::string begin =
      R"({"type":"notification","id":"r","of":"m<1>","from":"tel:+1","to":"tel:+2","direction":"sent",
    "date":"2020-05-12T09:15:04Z","status":)";
  EXPECT_TRUE(holds(text(begin + R"("displayed"})"), "<display-notification><status><displayed/>"));
  EXPECT_TRUE(holds(text(begin + R"("displayed"})"), "<message-id>m&lt;1&gt;</message-id>"));
  EXPECT_TRUE(holds(text(begin + R"("stored"})"), "<processing-notification><status><stored/>"));
  EXPECT_TRUE(holds(text(begin + R"("failed"})"), "<delivery-notification><status><failed/>"));
  EXPECT_TRUE(holds(text(begin + R"("forbidden","report":"display"})"), "<display-notification><status><forbidden/>"));
}

TEST(Mss69ObjectBuilder, SessionInfoOfGeneration1) {
  const Folder folder;
  folder.write("voice.au", std::string(3, '\0'));
  const Object made = object(R"({"type":"session","generation":1,"conversation":"conv1","contribution":"sess11",
    "from":"sip:alice@example.net","date":"2020-05-04T08:30:00+02:00","subject":"lunch","session_type":"Ad-Hoc",
    "participants":["sip:bob@example.net","sip:carol@example.net"],
    "file":{"path":"voice.au","id":"m1@example.net","sdp":"m=audio 49170 RTP/AVP 0\na=sendonly"}})",
                             folder.path());
  EXPECT_EQ(made.mailbox, "Default/conv1/sess11");
  EXPECT_EQ(octets_of(made), lines(R"(From: <sip:alice@example.net>
Date: Mon, 04 May 2020 08:30:00 +0200
Subject: lunch
Conversation-ID: conv1
Contribution-ID: sess11
Content-Type: multipart/related;boundary=cpm; type="Application/X-CPM-Session"

--cpm
Content-Type: Application/X-CPM-Session

<session-type>Ad-Hoc</session-type>
<invited-participants>sip:bob@example.net; sip:carol@example.net</invited-participants>
<media-object>
<cid>cid:<m1@example.net></cid>
<sdp>
m=audio 49170 RTP/AVP 0
a=sendonly
</sdp>
</media-object>
--cpm
Content-Type: audio/basic
Content-Transfer-Encoding: base64
Content-ID: <m1@example.net>

AAAA
--cpm--)"));
}

TEST(Mss69ObjectBuilder, SessionInfoOfGeneration2) {
  const Object made = object(R"({"type":"session","conversation":"gc-51ab","id":"inv-9","from":"tel:+33600000001",
    "to":"sip:conference-factory@ims.example","direction":"sent","date":"2020-05-12T09:15:00+02:00","subject":"team",
    "sdp":"o=- 1 1 IN IP4 192.0.2.1","participants":["tel:+33600000002","tel:+33600000003"]})");
  EXPECT_EQ(made.mailbox, "Default/gc-51ab/gc-51ab");
  EXPECT_EQ(octets_of(made), lines(R"(Date: Tue, 12 May 2020 09:15:00 +0200
From: tel:+33600000001
To: sip:conference-factory@ims.example
Subject: team
Content-Type: application/x-cpm-session
Conversation-ID: gc-51ab
Contribution-ID: gc-51ab
IMDN-Message-ID: inv-9
Message-Direction: sent

<?xml version="1.0" encoding="UTF-8"?>
<session><session-type>Group</session-type><sdp>o=- 1 1 IN IP4 192.0.2.1</sdp><invited-participants>tel:+33600000002;tel:+33600000003</invited-participants></session>)"));
}

TEST(Mss69ObjectBuilder, GroupState) {
  EXPECT_EQ(text(R"({"type":"group-state","conversation":"gc-51ab","id":"gs-1","direction":"received",
    "date":"2020-05-04T08:45:00+02:00","focus":"sip:focus-77@ims.example","group_type":"Closed",
    "participants":[{"name":"bob","address":"tel:+16135550100"}]})"),
            lines(R"(Content-Type: application/group-state-object+xml
Date: Mon, 04 May 2020 08:45:00 +0200
Conversation-ID: gc-51ab
Contribution-ID: gc-51ab
IMDN-Message-ID: gs-1
Message-Direction: received

<?xml version="1.0" encoding="UTF-8"?>
<groupstate timestamp="2020-05-04T08:45:00+02:00" lastfocussessionid="sip:focus-77@ims.example" group-type="Closed">
<participant name="bob" comm-addr="tel:+16135550100"/>
</groupstate>)"));
  // A client fails on Z; the other generation names the contribution too (1.7).
  const std::string first = text(R"({"type":"group-state","generation":1,"conversation":"c","session":"s",
    "date":"2020-05-04T08:45:00Z","focus":"sip:f@x","participants":["tel:+1"]})");
  EXPECT_TRUE(holds(first, "timestamp=\"2020-05-04T08:45:00+00:00\"")) << first;
  EXPECT_TRUE(holds(first, "contributionid=\"s\"")) << first;
}

TEST(Mss70ObjectBuilder, FileTransferWithItsOctets) {
  const Folder folder;
  folder.write("cat.jpg", std::string("\0\1\2", 3));
  EXPECT_EQ(text(R"({"type":"file","generation":1,"conversation":"conv1","contribution":"ft9",
    "from":"sip:alice@example.net","date":"2020-05-06T10:00:00+00:00","participants":["sip:bob@example.net"],
    "file":{"path":"cat.jpg","id":"f1@example.net"}})",
                 folder.path()),
            lines(R"(From: <sip:alice@example.net>
Date: Wed, 06 May 2020 10:00:00 +0000
Conversation-ID: conv1
Contribution-ID: ft9
Content-Type: multipart/related;boundary=cpm; type="Application/X-CPM-File-Transfer"

--cpm
Content-Type: Application/X-CPM-File-Transfer

<file-transfer-type>1-1</file-transfer-type>
<invited-participants>sip:bob@example.net</invited-participants>
<file-object>
<cid>cid:<f1@example.net></cid>
<sdp>
a=file-selector:name:"cat.jpg" type:image/jpeg size:3
</sdp>
</file-object>
--cpm
Content-Type: image/jpeg
Content-Transfer-Encoding: base64
Content-ID: <f1@example.net>

AAEC
--cpm--)"));
}

TEST(Mss70ObjectBuilder, FileTransferAsALink) {
  const Object made =
      object(R"({"type":"file","conversation":"c","contribution":"ft","id":"ft","from":"tel:+1","to":"tel:+2",
    "direction":"received","date":"2020-05-06T10:00:00Z",
    "file":{"name":"cat.jpg","type":"image/jpeg","size":5120,"url":"https://cs.example/f1","until":"2030-01-01T00:00:00Z",
      "thumbnail":{"type":"image/jpeg","size":900,"url":"https://cs.example/t1","until":"2030-01-01T00:00:00Z"}}})");
  EXPECT_EQ(made.mailbox, "Default/tel:+1");
  const std::string all = octets_of(made);
  EXPECT_TRUE(holds(all, "Content-type: application/vnd.gsma.rcs-ft-http+xml;charset=utf-8\r\n")) << all;
  EXPECT_TRUE(all.ends_with(lines(R"(<?xml version="1.0" encoding="UTF-8"?>
<file><file-info type="thumbnail"><file-size>900</file-size><content-type>image/jpeg</content-type><data url="https://cs.example/t1" until="2030-01-01T00:00:00Z"/></file-info>
<file-info type="file"><file-size>5120</file-size><file-name>cat.jpg</file-name><content-type>image/jpeg</content-type><data url="https://cs.example/f1" until="2030-01-01T00:00:00Z"/></file-info></file>)")))
      << all;
}

TEST(Mss68ObjectBuilder, StandaloneMedium) {
  const Folder folder;
  folder.write("dot.png", "\x89PNG\r\n");
  EXPECT_EQ(text(R"({"type":"media","generation":1,"id":"m-78@store.example","from":"sip:alice@example.net",
    "date":"2020-05-04T08:45:00+02:00","mailbox":"RCSMessageStore/x","file":{"path":"dot.png","disposition":"attachment","name":""}})",
                 folder.path()),
            lines(R"(From: <sip:alice@example.net>
Date: Mon, 04 May 2020 08:45:00 +0200
Message-ID: m-78@store.example
Content-Type: image/png
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="dot.png"

iVBORw0K)"));
}

TEST(Mss71ObjectBuilder, Sms) {
  EXPECT_EQ(text(R"({"type":"sms","conversation":"7a1c","contribution":"99b0","id":"sms-1","from":"tel:+33600000002",
    "to":"tel:+33600000001","direction":"received","date":"2020-05-12T09:15:00+02:00","text":"Hello!"})"),
            lines(R"(From: tel:+33600000002
To: tel:+33600000001
Date: Tue, 12 May 2020 09:15:00 +0200
Conversation-ID: 7a1c
Contribution-ID: 99b0
IMDN-Message-ID: sms-1
Message-Direction: received
Message-Correlator: Hello!
Message-Context: pager-message
Content-Type: message/cpim

From: tel:+33600000002
To: tel:+33600000001
NS: imdn <urn:ietf:params:imdn>
NS: rcs <http://www.gsma.com>
imdn.Message-ID: sms-1
DateTime: 2020-05-12T09:15:00+0200

Content-Type: text/plain; charset=utf-8

Hello!)"));
}

TEST(Mss71ObjectBuilder, CorrelatorOfAnSms) {
  const auto correlator = [](const std::string& said) {
    const std::string all =
        text(R"({"type":"sms","conversation":"c","contribution":"k","id":"i","from":"tel:+1","to":"tel:+2",
      "direction":"sent","date":"2020-05-12T09:15:00Z","text":")" +
             said + "\"}");
    const std::size_t at = all.find("Message-Correlator: ");
    return at == std::string::npos ? std::string("none") : all.substr(at + 20, all.find("\r\n", at) - at - 20);
  };
  EXPECT_EQ(correlator("two\\nlines"), "two lines");
  EXPECT_EQ(correlator(std::string(200, 'x')), std::string(160, 'x'));
  EXPECT_EQ(correlator("caf\xc3\xa9"), "=?utf-8?b?Y2Fmw6k=?=");
  // 160 UTF-16 units, and no half of a pair.
  EXPECT_EQ(correlator(std::string(159, 'x') + "\xf0\x9f\x98\x80"), std::string(159, 'x'));
  EXPECT_EQ(correlator("\\n"), "none");  // an empty header field breaks a client (1.1)
}

TEST(Mss71ObjectBuilder, Mms) {
  const Folder folder;
  folder.write("cat.jpg", "abc");
  const std::string all =
      text(R"({"type":"mms","conversation":"c","contribution":"k","id":"mms-1","from":"tel:+1","to":["tel:+2","tel:+3"],
    "direction":"received","date":"2020-05-12T09:15:00Z","subject":"Katze ü","text":"Look","file":"cat.jpg"})",
           folder.path());
  EXPECT_TRUE(holds(all, "Message-Correlator: mms-1\r\nMessage-Context: multimedia-message\r\n")) << all;
  EXPECT_TRUE(holds(all, "\r\n\r\nFrom: tel:+1\r\nTo: tel:+2\r\nTo: tel:+3\r\n")) << all;
  EXPECT_TRUE(holds(all, "Subject: Katze \xc3\xbc\r\n\r\n")) << all;  // CPIM is UTF-8 (RFC 3862)
  EXPECT_TRUE(all.ends_with(lines(R"(Content-Type: multipart/related;boundary="b1";

--b1
Content-Type: text/plain; charset=utf-8
Content-ID: <text.txt>

Look
--b1
Content-Type: image/jpeg
Content-Transfer-Encoding: base64
Content-ID: <cat.jpg>

YWJj
--b1--)")))
      << all;
}

// --- where they go

std::string place(const std::string& json, int generation = 2) {
  auto made = built(json, {}, generation);
  return made ? made->mailbox : made.error().text;
}

TEST(Mss71ObjectBuilder, MailboxesOfBothLayouts) {
  const std::string rest = R"("id":"i","date":"2020-05-12T09:15:00Z","text":"x"})";
  const std::string chat = R"({"type":"chat","conversation":"cv",)";
  EXPECT_EQ(place(chat + R"("from":"Bob <tel:+1>","to":"tel:+2","direction":"received",)" + rest), "Default/tel:+1");
  EXPECT_EQ(place(chat + R"("from":"tel:+1","to":"+2","direction":"sent",)" + rest), "Default/tel:+2");
  EXPECT_EQ(place(chat + R"("from":"sip:b@x;user=phone","to":"+2","direction":"received",)" + rest), "Default/sip:b@x");
  EXPECT_EQ(place(chat + R"("session":"cv","from":"tel:+1","to":"tel:+2","direction":"sent",)" + rest),
            "Default/cv/cv");
  EXPECT_EQ(place(chat + R"("contribution":"k","from":"tel:+1","to":["tel:+2","tel:+3"],"direction":"sent",)" + rest),
            "Default/cv");
  EXPECT_EQ(place(chat + R"("root":"Old","from":"tel:+1","to":"tel:+2","direction":"sent",)" + rest), "Old/tel:+2");
  EXPECT_EQ(place(chat + R"("mailbox":"Any/Where","from":"tel:+1","direction":"sent",)" + rest), "Any/Where");
  EXPECT_EQ(place(chat + R"("session":"s1","from":"sip:a@x",)" + rest, 1), "Default/cv/s1");
  EXPECT_EQ(
      place(R"({"type":"message","conversation":"cv","contribution":"k","from":"sip:a@x","to":"sip:b@x",)" + rest, 1),
      "Default/cv");
  EXPECT_TRUE(holds(
      place(R"({"type":"message","conversation":"a/b","contribution":"k","from":"sip:a@x","to":"sip:b@x",)" + rest, 1),
      "cannot be the name of a mailbox"));
}

// --- text, dates, flags

TEST(Mss72ObjectBuilder, AnExpiredMessageKeepsItsTime) {
  const Object made =
      object(R"({"type":"message","generation":1,"conversation":"c","contribution":"k","id":"i","from":"sip:a@x",
    "to":"sip:b@x","date":"2026-10-20T08:00:00-03:30","text":"x","expired":true,"flags":["\\Flagged"]})");
  EXPECT_EQ(made.date.internal_date(), "20-Oct-2026 08:00:00 -0330");
  EXPECT_EQ(made.flags, (std::vector<std::string>{"\\Flagged", "$Expired"}));
}

TEST(ObjectBuilder, DeclaresWhatIsNotAscii) {
  const std::string begin = R"({"type":"message","generation":1,"conversation":"c","contribution":"k","id":"i",
    "to":"sip:b@x","date":"2026-10-20T08:00:00Z",)";
  const std::string all = text(begin + R"("from":"Zoë <sip:z@x>","subject":"Grüße","text":"ü\nb"})");
  EXPECT_TRUE(holds(all, "From: =?utf-8?b?Wm/Dqw==?= <sip:z@x>\r\n")) << all;
  EXPECT_TRUE(holds(all, "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n")) << all;
  EXPECT_TRUE(holds(
      all, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"));
  EXPECT_TRUE(all.ends_with("\xc3\xbc\r\nb")) << all;
  const std::string both = text(begin + R"("from":"sip:a@x","text":"--cpm-alternative","html":"<b>x</b>"})");
  EXPECT_TRUE(holds(both, "Content-Type: multipart/alternative; boundary=cpm-alternative1\r\n")) << both;
  EXPECT_TRUE(both.ends_with("<b>x</b>\r\n--cpm-alternative1--")) << both;
}

TEST(ObjectBuilder, NothingBreaksOutOfItsLine) {
  const std::string begin = R"({"type":"message","generation":1,"conversation":"c","contribution":"k","id":"i",
    "to":"sip:b@x","date":"2026-10-20T08:00:00Z","text":"x","from":"sip:a@x",)";
  for (const std::string& bad :
       {std::string(R"("subject":"a\r\nX: y")"), std::string(R"("in_reply_to":"a\nb")"),
        std::string(R"("headers":{"A: b":"x"})"), std::string(R"("headers":{"A":"x\ny"})"),
        std::string(R"("flags":["\\Recent"])"), std::string(R"("flags":["a b"])"), std::string(R"("flags":["a\r\n"])"),
        std::string(R"("flags":["\\"])"), std::string(R"("mailbox":"a\r\nb")"), std::string(R"("service":"sms")"),
        std::string(R"("direction":"up")"), "\"subject\":\"" + std::string(2000, 'x') + "\"",
        std::string(R"("in_reply_to":"a b")"), std::string(R"("mailbox":"a//b")")}) {
    const auto made = built(begin + bad + "}");
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().failure, Failure::invalid) << bad;
  }
}

TEST(ObjectBuilder, SaysWhatIsMissing) {
  const auto why = [](const std::string& json) {
    const auto made = built(json);
    return made ? std::string("made") : made.error().text;
  };
  EXPECT_TRUE(holds(why(R"({"type":"chat"})"), "needs \"date\""));
  EXPECT_TRUE(holds(why(R"({"type":"chat","date":"2026-10-20T08:00:00Z","id":"x"})"), "needs \"direction\""));
  EXPECT_TRUE(holds(
      why(R"({"type":"sms","generation":1,"conversation":"c","contribution":"k","id":"i","from":"tel:+1","to":"tel:+2",
    "date":"2026-10-20T08:00:00Z","text":"x"})"),
      "generation 2 only"));
  EXPECT_TRUE(holds(
      why(R"({"type":"media","id":"i","direction":"sent","from":"tel:+1","to":"tel:+2","date":"2026-10-20T08:00:00Z",
    "file":"/nonexistent/cat.jpg"})"),
      "/nonexistent/cat.jpg is not a file"));
}

// --- files

TEST(Mss70Object, EncodesFilesOfAnySize) {
  const Folder folder;
  for (const std::size_t size : {0U, 1U, 56U, 57U, 58U, 114U, 115U, 58367U, 58368U, 58369U, 200000U}) {
    std::string octets(size, '\0');
    for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<char>(i * 31 + i / 251);
    folder.write("file.bin", octets);
    Object one;
    one.pieces.push_back(Piece{{}, folder.path("file.bin"), size});
    std::string encoded = octets_of(one);
    std::string lines_removed;
    for (std::size_t at = 0; at < encoded.size(); at += 78) {
      lines_removed += encoded.substr(at, 76);
      if (at + 76 < encoded.size()) {
        EXPECT_EQ(encoded.substr(at + 76, 2), "\r\n");
      }
    }
    EXPECT_EQ(lines_removed, base64(octets)) << size;
  }
}

TEST(Mss70Object, NoticesAFileThatChanges) {
  const Folder folder;
  folder.write("file.bin", "four");
  const auto nothing = [](std::string_view) -> Result<void> { return {}; };
  Object one;
  one.pieces.push_back(Piece{{}, folder.path("file.bin"), 3});
  EXPECT_FALSE(write_object(one, nothing));
  one.pieces.front().file_size = 5;
  EXPECT_FALSE(write_object(one, nothing));
  one.pieces.front().file_size = 4;
  EXPECT_TRUE(write_object(one, nothing));
}

TEST(DepositText, SpellsNames) {
  EXPECT_EQ(mailbox_argument("Default/tel:+1"), "\"Default/tel:+1\"");
  EXPECT_EQ(mailbox_argument("a\"b\\c&d"), "\"a\\\"b\\\\c&-d\"");
  EXPECT_EQ(mailbox_argument("Entw\xc3\xbcrfe"), "\"Entw&APw-rfe\"");
  EXPECT_EQ(mailbox_argument("\xf0\x9f\x98\x80"), "\"&2D3eAA-\"");
  EXPECT_EQ(parameter("filename", "a\"b.png"), "filename=\"a\\\"b.png\"");
  EXPECT_EQ(parameter("filename", "\xc3\xbc b.png"), "filename*=utf-8''%C3%BC%20b.png");
  EXPECT_EQ(type_of_name("LAKE.PNG"), "image/png");
  EXPECT_EQ(type_of_name("README"), "application/octet-stream");
  const std::string words = header_text(std::string(30, 'x') + std::string(40, '\xc3').replace(0, 40, [] {
    std::string umlauts;
    for (int i = 0; i < 40; ++i) umlauts += "\xc3\xbc";
    return umlauts;
  }()));
  for (std::size_t at = 0; at < words.size();
       at = words.find(' ', at) == std::string::npos ? words.size() : words.find(' ', at) + 1) {
    EXPECT_LE(std::min(words.find(' ', at), words.size()) - at, 75U);
  }
}

TEST(DepositTimestamp, ReadsRfc3339) {
  EXPECT_EQ(Timestamp::parse("2024-02-29T23:59:59.123+05:30")->header_date(), "Thu, 29 Feb 2024 23:59:59 +0530");
  EXPECT_EQ(Timestamp::parse("2024-02-29T23:59:59.123+05:30")->iso_utc(), "2024-02-29T18:29:59Z");
  for (const char* bad : {"", "2024", "2023-02-29T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00",
                          "2024-01-01T00:00:00+0100", "2024-01-01T00:00:00Zx", "2024-01-01T00:00:00.Z", "yesterday"}) {
    EXPECT_FALSE(Timestamp::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace cpm::deposit
