// The readers of imap/cpm one by one, with what deployments and attackers write.
#include "imap/cpm/cpim.h"
#include "imap/cpm/file_transfer.h"
#include "imap/cpm/group_state.h"
#include "imap/cpm/location.h"
#include "imap/cpm/notification.h"
#include "imap/cpm/session_object.h"
#include "imap/cpm/text.h"
#include "imap/mime/header.h"
#include "tests/imap/cpm/samples.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cpm::imap::cpm_objects {
namespace {

using namespace samples;
using schema::Disposition;
using Names = std::vector<std::string>;

// What a CPIM body says, in one string: "name=value;…|content type|content".
std::string cpim(std::string_view body, std::string_view encoding = "8bit") {
  const std::string message = "Content-Type: message/cpim\r\nContent-Transfer-Encoding: " + std::string(encoding) +
                              "\r\n\r\n" + std::string(body);
  MemorySource source(message);
  const mime::Part part = mime::parse_structure(source, Limits{});
  const Cpim cpim(source, part);
  std::string out;
  for (const CpimHeader& header : cpim.headers())
    if (!mime::equals_ignore_case(header.name, "NS")) out += header.space + header.name + "=" + header.value + ";";
  return out + "|" + cpim.content_type() + "|" + read_body(cpim.content_octets(), cpim.content());
}

TEST(Cpim, ReadsHeadersNamespacesAndContent) {
  EXPECT_EQ(cpim("From: <sip:a@b>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: 1\r\n\r\n"
                 "Content-type: text/plain\r\nContent-length: 2\r\n\r\nHi"),
            "From=<sip:a@b>;urn:ietf:params:imdnMessage-ID=1;|text/plain|Hi");
  EXPECT_EQ(cpim("NS: i <urn:ietf:params:imdn>\r\ni.Message-ID: 1\r\n\r\nContent-type: text/plain\r\n\r\nHi"),
            "urn:ietf:params:imdnMessage-ID=1;|text/plain|Hi");
  EXPECT_EQ(cpim("imdn.Message-ID: 1\r\n\r\nContent-type: text/plain\r\n\r\nHi"),
            "urn:ietf:params:imdnMessage-ID=1;|text/plain|Hi")
      << "a prefix that nobody defined";
  EXPECT_EQ(cpim("NS: <urn:x>\r\nFrom: a\r\nNS: c <urn:ietf:params:cpim-headers:>\r\nc.To: b\r\n\r\nContent-type: "
                 "t/x\r\n\r\n"),
            "urn:xFrom=a;To=b;|t/x|");
}

TEST(Cpim, ForgivesItsWriters) {
  EXPECT_EQ(cpim("From:a\nTo :b\n\nContent-type:text/plain\n\nHi"), "From=a;To=b;|text/plain|Hi")
      << "bare LF, no blanks";
  EXPECT_EQ(cpim("From: a\r\nContent-type: text/plain\r\n\r\nHi"), "From=a;|text/plain|Hi") << "no blank line between";
  EXPECT_EQ(cpim("From: a\r\n\r\nContent-type: text/plain\r\nHi there"), "From=a;|text/plain|Hi there")
      << "no blank line before the content";
  EXPECT_EQ(cpim("From: a\r\n\r\nHi there"), "From=a;||Hi there") << "no MIME header";
  EXPECT_EQ(cpim("From: a\r\n\r\n\r\nHi: there"), "From=a;||Hi: there") << "an empty MIME header";
  EXPECT_EQ(cpim("From: a\r\n\r\n\r\n\r\nContent-type: text/x\r\n\r\nHi"), "From=a;|text/x|Hi") << "blank lines";
  EXPECT_EQ(cpim("\r\n\r\nFrom: a\r\n\r\nContent-type: text/x\r\n\r\nHi"), "From=a;|text/x|Hi") << "blank lines before";
  EXPECT_EQ(cpim("From: a\r\n  b\r\nno header\r\nTo: c\r\n\r\nContent-type: text/x;\r\n charset=utf-8\r\n\r\nHi"),
            "From=a  b;To=c;|text/x; charset=utf-8|Hi");
  EXPECT_EQ(cpim("Content-type: text/x\r\n\r\nHi"), "|text/x|Hi") << "no headers";
  EXPECT_EQ(cpim("From: a\r\n\r\nContent-type: text/x\r\n\r\n\r\n a"), "From=a;|text/x|\r\n a")
      << "the content's own blank lines";
  EXPECT_EQ(cpim("From: a\r\n\r\nSee http://x\r\n\r\nmore"), "From=a;||See http://x\r\n\r\nmore")
      << "a text with a colon";
}

TEST(Cpim, IsCutOffAnywhere) {
  EXPECT_EQ(cpim(""), "||");
  EXPECT_EQ(cpim("From"), "||");
  EXPECT_EQ(cpim("From:"), "From=;||");
  EXPECT_EQ(cpim("From: a"), "From=a;||");
  EXPECT_EQ(cpim("From: a\r\n"), "From=a;||");
  EXPECT_EQ(cpim("From: a\r\n\r\nContent-ty"), "From=a;||Content-ty");
  EXPECT_EQ(cpim("From: a\r\n\r\nContent-type: text/x"), "From=a;|text/x|");
  EXPECT_EQ(cpim("From: a\r\n\r\nContent-type: text/x\r\n\r\n"), "From=a;|text/x|");
}

TEST(Cpim, DecodesItsTransferEncodingAndThatOfTheContent) {
  EXPECT_EQ(cpim("RnJvbTogYQ0KDQpDb250ZW50LXR5cGU6IHRleHQveA0KDQpIaQ==", "base64"), "From=a;|text/x|Hi");
  EXPECT_EQ(cpim("From: a\r\n\r\nContent-Type: text/x\r\nContent-Transfer-Encoding: base64\r\n\r\nSGk="),
            "From=a;|text/x|Hi");
}

TEST(Cpim, ResolvesEscapesAndLanguages) {
  EXPECT_EQ(cpim("Subject:;lang=fr Objet \\u00e9t\\u00E9\\\\ \\q \\u12 \\\"\r\n\r\n"),
            "Subject=Objet été\\ \\q \\u12 \";||");
  EXPECT_EQ(cpim("Subject: \\ud800\\u0000\\\r\n\r\n"), "Subject=\\ud800\\u0000\\;||") << "no half pairs, no NUL";
}

TEST(Cpim, KeepsItsBounds) {
  std::string many;
  for (int i = 0; i < 10000; ++i) many += "A: b\r\n";
  const std::string text = cpim(many + "\r\nHi");
  EXPECT_EQ(std::count(text.begin(), text.end(), ';'), 200);
  EXPECT_EQ(cpim(std::string(200000, 'a')).substr(0, 2), "||");
  EXPECT_EQ(cpim(std::string(200000, '\n')).substr(0, 2), "||");
}

TEST(Cpim, AWrappedFileIsWholeHoweverLong) {
  const std::string octets(3 * 1024 * 1024, 'x');
  EXPECT_EQ(facts_of_octets(
                "IMDN-Message-ID: 1\r\nContent-Type: message/cpim\r\n\r\nFrom: a\r\n\r\nContent-Type: image/x\r\n\r\n" +
                octets)
                .file_size,
            octets.size());
}

TEST(SessionObject, Mss4FragmentsAreNoXml) {
  const SessionObject object = read_session_object(
      "<session-type>Ad-Hoc</session-type>\r\n<invited-participants>sip:b@x; sip:c@x</invited-participants>\r\n"
      "<media-object>\r\n<cid>cid:<m1@x></cid>\r\n<sdp>\r\nm=audio 1 RTP/AVP "
      "0\r\na=sendonly\r\n</sdp>\r\n</media-object>\r\n"
      "<media-object><cid>cid:m2@x</cid></media-object>");
  EXPECT_EQ(object.type, "Ad-Hoc");
  EXPECT_EQ(object.participants, Names{"sip:b@x; sip:c@x"});
  ASSERT_EQ(object.media.size(), 2U);
  EXPECT_EQ(object.media[0].cid, "m1@x");
  EXPECT_EQ(object.media[0].sdp, "m=audio 1 RTP/AVP 0\r\na=sendonly");
  EXPECT_EQ(object.media[1].cid, "m2@x");
  EXPECT_EQ(object.media[1].sdp, "");
  EXPECT_EQ(object.sdp, "");
}

TEST(SessionObject, ForgivesItsWriters) {
  EXPECT_EQ(read_session_object("<Session-Type> 1-1 </SESSION-TYPE>").type, "1-1");
  EXPECT_EQ(read_session_object("<session-type>1-1\r\n<invited-participants>sip:b@x").type, "1-1")
      << "nothing closes it";
  EXPECT_EQ(read_session_object("<session-type>1-1\r\n<invited-participants>sip:b@x\r\n--cpm").participants,
            Names{"sip:b@x"});
  EXPECT_EQ(read_session_object("<x:session-type a='b'>1-1</x:session-type>").type, "1-1");
  EXPECT_EQ(read_session_object("<invited-participants>sip:b@x?a&amp;lt;b</invited-participants>").participants,
            Names{"sip:b@x?a&lt;b"});
  EXPECT_EQ(read_session_object("").type, "");
  EXPECT_EQ(read_session_object("<").type, "");
  EXPECT_EQ(read_session_object("<session-type").type, "");
  EXPECT_EQ(read_session_object("</session-type>").type, "");
}

TEST(SessionObject, Mss4DocumentsOfTheSecondGeneration) {
  const SessionObject object = read_session_object(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<s:session xmlns:s='urn:x'><s:session-type>Group</s:session-type>"
      "<s:sdp>v=0&#10;o=-</s:sdp><s:invited-participants>tel:+1;tel:+2</s:invited-participants></s:session>");
  EXPECT_EQ(object.type, "Group");
  EXPECT_EQ(object.sdp, "v=0\no=-");
  EXPECT_EQ(object.participants, Names{"tel:+1;tel:+2"});
  const SessionObject cut = read_session_object(
      "<session><session-type>Group</session-type><invited-participants>tel:+1;tel:+2</invited-participants><sdp>o");
  EXPECT_EQ(cut.type, "Group");
  EXPECT_EQ(cut.participants, Names{"tel:+1;tel:+2"});
  const SessionObject bad = read_session_object(
      "<session><sdp>a<b&</sdp><session-type>Group</session-type><invited-participants>tel:+1</invited-participants></"
      "session>");
  EXPECT_EQ(bad.type, "Group") << "scanned as text";
  EXPECT_EQ(bad.participants, Names{"tel:+1"});
}

TEST(SessionObject, IsBoundedAndLinear) {
  std::string many;
  while (many.size() < kBodyOctets) many += "<file-object>";
  EXPECT_EQ(read_session_object(many).media.size(), 1000U);
  many.clear();
  while (many.size() < kBodyOctets) many += "<sdp>";
  EXPECT_LE(read_session_object(many).media.size(), 1U);
  EXPECT_EQ(read_session_object(std::string(kBodyOctets, '<')).type, "");
  many = "<session>";
  while (many.size() < kBodyOctets) many += "<session-type>";
  EXPECT_EQ(read_session_object(many).participants, Names{});
}

TEST(FileTransfer, Mss3LinesOfSdp) {
  const TransferredFile file = read_file_sdp(
      "i=My latest picture\r\na=sendonly\r\na=file-selector:name:\"My picture %22x%22.jpg\" type:image/jpeg size:4092 "
      "hash:sha-1:72:24\r\na=file-disposition:render\r\na=file-date:creation:\"Mon, 15 May 2006 15:01:31 +0300\"\r\n"
      "a=file-icon:cid:<i1@x>\r\n");
  EXPECT_EQ(file.name, "My picture \"x\".jpg");
  EXPECT_EQ(file.type, "image/jpeg");
  EXPECT_EQ(file.size, 4092U);
  EXPECT_EQ(file.icon, "i1@x");
  EXPECT_FALSE(file.thumbnail);
  const TransferredFile other = read_file_sdp("A=FILE-SELECTOR:SIZE:1 TYPE:a/b NAME:plain.txt");
  EXPECT_EQ(other.name, "plain.txt");
  EXPECT_EQ(other.type, "a/b");
  EXPECT_EQ(other.size, 1U);
  for (const char* sdp : {"", "a=file-selector:", "a=file-selector:name", "a=file-selector:size:-1",
                          "a=file-selector:size:", "a=file-selector:size:99999999999999999999",
                          "a=file-selector:size:18446744073709551615"})
    EXPECT_FALSE(read_file_sdp(sdp).size) << sdp;
  EXPECT_EQ(read_file_sdp("a=file-selector:name:\"open").name, "open");
}

TEST(FileTransfer, Mss3DocumentsOfLinks) {
  const auto files = read_file_document(
      "<f:file xmlns:f='urn:gsma:params:xml:ns:rcs:rcs:fthttp'><f:file-info "
      "type='thumbnail'><f:file-size>9</f:file-size>"
      "</f:file-info><f:file-info type='file' f:file-disposition='render'><f:file-size> 5120 </f:file-size>"
      "<f:file-name>c&amp;t.jpg</f:file-name><f:content-type>image/jpeg</f:content-type><f:data "
      "url='https://x'/></f:file-info></f:file>");
  ASSERT_EQ(files.size(), 2U);
  EXPECT_TRUE(files[0].thumbnail);
  EXPECT_FALSE(files[1].thumbnail);
  EXPECT_EQ(files[1].name, "c&t.jpg");
  EXPECT_EQ(files[1].size, 5120U);
  EXPECT_EQ(read_file_document("<file><file-info type='file'><file-name>a.b</file-name><file-size>x").at(0).name, "a.b")
      << "cut off";
  EXPECT_TRUE(read_file_document("").empty());
  EXPECT_TRUE(read_file_document("<files/>").empty());
  std::string many = "<file>";
  for (int i = 0; i < 5000; ++i) many += "<file-info/>";
  EXPECT_EQ(read_file_document(many).size(), 100U);
}

Notification report(std::string_view kind, std::string_view status) {
  return read_notification("<imdn xmlns='urn:ietf:params:xml:ns:imdn'><message-id> a&lt;b </message-id><" +
                           std::string(kind) + "><status><" + std::string(status) + "/></status></" +
                           std::string(kind) + "></imdn>");
}

TEST(Notification, Mss4EveryDisposition) {
  EXPECT_EQ(report("delivery-notification", "delivered").disposition, Disposition::delivered);
  EXPECT_EQ(report("delivery-notification", "failed").disposition, Disposition::failed);
  EXPECT_EQ(report("delivery-notification", "forbidden").disposition, Disposition::forbidden);
  EXPECT_EQ(report("delivery-notification", "error").disposition, Disposition::error);
  EXPECT_EQ(report("processing-notification", "processed").disposition, Disposition::processed);
  EXPECT_EQ(report("processing-notification", "stored").disposition, Disposition::stored);
  EXPECT_EQ(report("display-notification", "displayed").disposition, Disposition::displayed);
  EXPECT_EQ(report("display-notification", "seen").disposition, Disposition::none);
  EXPECT_EQ(report("other", "displayed").disposition, Disposition::none);
  EXPECT_EQ(report("interworking-notification", "legacy-sms").disposition, Disposition::processed);
  EXPECT_EQ(report("other", "x").message_id, "a<b");
}

TEST(Notification, OtherVocabulariesStandBeside) {
  const Notification read = read_notification(
      "<?xml version='1.0'?><i:imdn xmlns:i='urn:ietf:params:xml:ns:imdn' "
      "xmlns:cpm='urn:oma:xml:cpm:imdn-extensions:1.0'>"
      "<cpm:message-id>wrong</cpm:message-id><i:message-id>right</i:message-id><i:datetime>2020-05-12T09:15:04+02:00</"
      "i:datetime>"
      "<cpm:original-recipient-uri>tel:+1</cpm:original-recipient-uri>"
      "<i:display-notification><i:status><i:displayed/></i:status></i:display-notification></i:imdn>");
  EXPECT_EQ(read.message_id, "right");
  EXPECT_EQ(read.disposition, Disposition::displayed);
  ASSERT_TRUE(read.moment);
  EXPECT_EQ(read.moment->time_since_epoch().count(), 1589267704);
  EXPECT_EQ(read_notification("<imdn><c:message-id xmlns:c='urn:x'>only</c:message-id></imdn>").message_id, "only");
}

TEST(Notification, MalformedOnesTellWhatTheyCan) {
  EXPECT_EQ(
      read_notification("<imdn><message-id>m1</message-id><delivery-notification><status><delivered/>").message_id,
      "m1");
  EXPECT_EQ(
      read_notification("<imdn><message-id>m1</message-id><delivery-notification><status><delivered/>").disposition,
      Disposition::delivered);
  EXPECT_EQ(read_notification("\r\n <imdn><message-id>m<!-- x -->1<![CDATA[<2>]]></message-id></imdn>").message_id,
            "m1<2>");
  EXPECT_EQ(read_notification("<x><imdn><message-id>m1</message-id></imdn></x>").message_id, "m1") << "wrapped";
  EXPECT_EQ(
      read_notification("<!DOCTYPE imdn [<!ENTITY a 'boom'>]><imdn><message-id>&a;</message-id></imdn>").message_id,
      "&a;");
  for (const char* xml :
       {"", "<", "imdn", "<imdn", "<imdn>", "</imdn>", "<imdn><datetime>yesterday</datetime></imdn>", "\xff\xfe<"})
    EXPECT_EQ(read_notification(xml).message_id, "") << xml;
  std::string deep;
  while (deep.size() < kBodyOctets) deep += "<imdn>";
  EXPECT_EQ(read_notification(deep).message_id, "");
}

TEST(GroupState, Mss5AttributesAndParticipants) {
  const GroupState state = read_group_state(
      "<g:groupstate xmlns:g='urn:x' contributionid='c' timestamp='2020-05-04T08:45:00+02:00' "
      "lastfocussessionid=' sip:focus@x ' group-type='OPEN'><g:participant name='b&amp;b' comm-addr='tel:+1'/>"
      "<g:participant name='c' comm-addr='sip:c@x'/><g:other comm-addr='tel:+9'/></g:groupstate>");
  ASSERT_TRUE(state.moment);
  EXPECT_EQ(state.moment->time_since_epoch().count(), 1588574700);
  EXPECT_EQ(state.focus, "sip:focus@x");
  EXPECT_EQ(state.type, "OPEN");
  EXPECT_EQ(state.participants, (Names{"tel:+1", "sip:c@x"}));
  EXPECT_EQ(read_group_state("<groupstate><participant comm-addr='tel:+1'/><participant").participants,
            Names{"tel:+1"});
  EXPECT_FALSE(read_group_state("<groupstate timestamp='soon'/>").moment);
  EXPECT_EQ(read_group_state("").focus, "");
  std::string many = "<groupstate>";
  for (int i = 0; i < 3000; ++i) many += "<participant comm-addr='a'/>";
  EXPECT_EQ(read_group_state(many).participants.size(), 1000U);
}

TEST(Location, LabelOrPosition) {
  const auto document = [](std::string_view label, std::string_view position) {
    return "<rcsenvelope xmlns='urn:gsma:params:xml:ns:rcs:rcs:geolocation' xmlns:gml='http://www.opengis.net/gml'>"
           "<rcspushlocation id='a123'" +
           std::string(label) +
           "><gp:geopriv xmlns:gp='x'><gp:location-info><gs:Circle xmlns:gs='y'>"
           "<gml:pos>" +
           std::string(position) +
           "</gml:pos></gs:Circle></gp:location-info></gp:geopriv></rcspushlocation></rcsenvelope>";
  };
  EXPECT_EQ(describe_location(document(" label='the café'", "48.731964 -3.45829")), "the café");
  EXPECT_EQ(describe_location(document("", "48.731964 -3.45829")), "geo:48.731964,-3.45829");
  EXPECT_EQ(describe_location(document(" label=' '", "\n48.731964\t-3.45829 12.0\n")), "geo:48.731964,-3.45829");
  EXPECT_EQ(describe_location(document("", "48.731964")), "");
  EXPECT_EQ(describe_location(document("", "<b/>x y")), "");
  EXPECT_EQ(describe_location(""), "");
  std::string deep = "<rcspushlocation>";
  while (deep.size() < kBodyOctets) deep += "<a>";
  EXPECT_EQ(describe_location(deep), "");
}

TEST(Text, PreviewIsCutBetweenCharacters) {
  EXPECT_EQ(preview_of(" a\r\n\t b\x01"
                       "c "),
            "a b c");
  EXPECT_EQ(preview_of(std::string(300, 'a')), std::string(200, 'a'));
  std::string wide;
  std::string expected;
  for (int i = 0; i < 300; ++i) wide += "☕";
  for (int i = 0; i < 200; ++i) expected += "☕";
  EXPECT_EQ(preview_of(wide), expected);
  EXPECT_EQ(preview_of(std::string(199, 'a') + " b"), std::string(199, 'a')) << "no blank at the end";
  EXPECT_EQ(preview_of(""), "");
}

TEST(Text, CleanIsValidBoundedAndTrimmed) {
  EXPECT_EQ(clean(std::string_view(" a\0b\xff ", 6)), "ab\xef\xbf\xbd");
  EXPECT_EQ(clean(std::string(5000, 'a')).size(), kFactOctets);
  std::string wide;
  for (int i = 0; i < 2000; ++i) wide += "é";
  EXPECT_EQ(clean("a" + wide).size(), kFactOctets - 1);
  EXPECT_EQ(clean_words("=?utf-8?b?Y2Fmw6k=?= a\tb"), "café a b");
  EXPECT_EQ(clean_words("=?utf-8?b?YQBiCmM=?="), "a b c") << "what words smuggle in";
}

}  // namespace
}  // namespace cpm::imap::cpm_objects
