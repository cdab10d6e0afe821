// Every object of cpm-message-storage 1, as it stands there.
#include "imap/cpm/facts.h"

#include "tests/imap/cpm/samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace cpm::imap::cpm_objects {
namespace {

using namespace samples;
using schema::Direction;
using schema::Disposition;
using schema::ObjectFacts;
using schema::ObjectKind;
using schema::Talk;
using Names = std::vector<std::string>;

std::int64_t seconds(const std::optional<std::chrono::sys_seconds>& moment) {
  return moment ? moment->time_since_epoch().count() : -1;
}

TEST(Recognise, Mss2StandaloneMessageFirstGeneration) {
  const ObjectFacts facts = facts_of(kStandalone, conversation("conv1"));
  EXPECT_EQ(facts.kind, ObjectKind::message);
  EXPECT_EQ(facts.generation, 1);
  EXPECT_EQ(facts.conversation, "conv1");
  EXPECT_EQ(facts.conversation_id, "conv1");
  EXPECT_EQ(facts.contribution_id, "contrib-7");
  EXPECT_EQ(facts.message_id, "m-77@store.example");
  EXPECT_EQ(facts.imdn_message_id, "");
  EXPECT_TRUE(facts.exact);
  EXPECT_EQ(facts.direction, Direction::unknown);
  EXPECT_EQ(facts.sender, "sip:alice@example.net");
  EXPECT_EQ(facts.participants, (Names{"sip:alice@example.net", "sip:bob@example.net"}));
  EXPECT_EQ(facts.preview, "Hi Bob");
  EXPECT_FALSE(facts.group);
  EXPECT_FALSE(facts.moment);
  EXPECT_EQ(facts.file_parts, 0);
  EXPECT_EQ(facts.session_type, "");
  EXPECT_EQ(talk_of(facts), Talk::received);
  EXPECT_EQ(facts_of(kStandalone).kind, ObjectKind::message) << "copied into a user folder";
  EXPECT_EQ(facts_of(kStandalone).conversation, "conv1");
}

TEST(Recognise, Mss4ChatMessageFirstGenerationByItsPlace) {
  const ObjectFacts facts = facts_of(kStandalone, session("conv1", "sess11"));
  EXPECT_EQ(facts.kind, ObjectKind::chat_message);
  EXPECT_EQ(facts.generation, 1);
  EXPECT_FALSE(facts.group) << "sessions of two have folders too";
}

TEST(Recognise, Mss4ChatMessageSecondGeneration) {
  const ObjectFacts facts = facts_of(wrapped(kChatContent), conversation("tel:+33600000002"));
  EXPECT_EQ(facts.kind, ObjectKind::chat_message);
  EXPECT_EQ(facts.generation, 2);
  EXPECT_EQ(facts.conversation, "tel:+33600000002");
  EXPECT_EQ(facts.conversation_id, "+33600000002");
  EXPECT_EQ(facts.contribution_id, "+33600000002");
  EXPECT_EQ(facts.imdn_message_id, "msg-a1");
  EXPECT_EQ(facts.message_id, "<1@store.example>");
  EXPECT_TRUE(facts.exact);
  EXPECT_EQ(facts.direction, Direction::received);
  EXPECT_EQ(facts.sender, "tel:+33600000002") << "the anonymous sender of CPIM is nobody";
  EXPECT_EQ(facts.participants, (Names{"tel:+33600000001", "tel:+33600000002"}));
  EXPECT_EQ(seconds(facts.moment), 1589267700);
  EXPECT_EQ(facts.preview, "Hello");
  EXPECT_FALSE(facts.group);
  EXPECT_EQ(facts.file_parts, 0);
  EXPECT_EQ(facts_of(wrapped(kChatContent)).conversation, "tel:+33600000002") << "the bare number is the address";
}

TEST(Recognise, Mss4GroupChatMessageIsFromThePersonInCpim) {
  const ObjectFacts facts = facts_of(R"(From: sip:focus-77@ims.example
To: tel:+33600000001
Conversation-ID: gc-51ab
Contribution-ID: gc-51ab
IMDN-Message-ID: g2
Message-Direction: received
Content-Type: Message/CPIM

From: "Bob" <tel:+33600000002>
To: <sip:anonymous@anonymous.invalid>
NS: i <urn:ietf:params:imdn>
i.Message-ID: g2

Content-type: text/plain;charset=utf-8

me too)",
                                     session("gc-51ab", "gc-51ab"));
  EXPECT_EQ(facts.kind, ObjectKind::chat_message);
  EXPECT_EQ(facts.sender, "tel:+33600000002");
  EXPECT_EQ(facts.conversation, "gc-51ab");
  EXPECT_TRUE(facts.group);
  EXPECT_EQ(facts.participants, (Names{"tel:+33600000001", "tel:+33600000002"}));
}

TEST(Recognise, Mss4DispositionNotification) {
  const ObjectFacts facts = facts_of(wrapped(kImdn), conversation("tel:+33600000002"));
  EXPECT_EQ(facts.kind, ObjectKind::notification);
  EXPECT_EQ(facts.reports_on, "msg-a1");
  EXPECT_EQ(facts.disposition, Disposition::delivered);
  EXPECT_EQ(seconds(facts.moment), 1589267704);
  EXPECT_EQ(facts.preview, "");
  EXPECT_EQ(talk_of(facts), Talk::silent);
}

TEST(Recognise, Mss4NotificationWithoutIdentifiersOfTheConversation) {
  const ObjectFacts facts = facts_of(R"(From: tel:+33600000002
To: tel:+33600000001
IMDN-Message-ID: rep-1
Message-Direction: received
Content-Type: message/cpim

From: <sip:anonymous@anonymous.invalid>

)" + std::string(kImdn),
                                     conversation("tel:+33600000002"));
  EXPECT_EQ(facts.kind, ObjectKind::notification);
  EXPECT_EQ(facts.conversation, "tel:+33600000002") << "of its place";
  EXPECT_EQ(facts.conversation_id, "");
  EXPECT_EQ(facts.reports_on, "msg-a1");
}

TEST(Recognise, IsComposingIsASignal) {
  const ObjectFacts facts = facts_of(wrapped("Content-type: application/im-iscomposing+xml\n\n<isComposing/>"));
  EXPECT_EQ(facts.kind, ObjectKind::signal);
  EXPECT_EQ(facts.preview, "");
  EXPECT_EQ(talk_of(facts), Talk::silent);
}

TEST(Recognise, Mss4SessionInfoFirstGeneration) {
  const ObjectFacts facts = facts_of(kSessionFirst, session("conv1", "sess11"));
  EXPECT_EQ(facts.kind, ObjectKind::session_info);
  EXPECT_EQ(facts.generation, 1);
  EXPECT_EQ(facts.session_type, "Ad-Hoc");
  EXPECT_EQ(facts.subject, "lunch");
  EXPECT_TRUE(facts.group);
  EXPECT_EQ(facts.sender, "sip:alice@example.net");
  EXPECT_EQ(facts.participants, (Names{"sip:alice@example.net", "sip:bob@example.net", "sip:carol@example.net"}));
  EXPECT_EQ(facts.preview, "");
  EXPECT_EQ(facts.file_parts, 0) << "recorded media are no files";
}

TEST(Recognise, Mss4SessionInfoFirstGenerationWithoutBody) {
  const std::string header(kSessionFirst.substr(0, kSessionFirst.find("\n\n") + 2));
  const ObjectFacts facts = facts_of(header, session("conv1", "sess11"));
  EXPECT_EQ(facts.kind, ObjectKind::session_info);
  EXPECT_EQ(facts.generation, 1);
  EXPECT_EQ(facts.session_type, "");
  EXPECT_FALSE(facts.group);
}

TEST(Recognise, Mss4SessionInfoSecondGeneration) {
  const ObjectFacts facts = facts_of(kSessionSecond, session("gc-51ab", "gc-51ab"));
  EXPECT_EQ(facts.kind, ObjectKind::session_info);
  EXPECT_EQ(facts.generation, 2);
  EXPECT_EQ(facts.session_type, "Group");
  EXPECT_EQ(facts.subject, "team");
  EXPECT_TRUE(facts.group);
  EXPECT_EQ(facts.direction, Direction::sent);
  EXPECT_EQ(facts.imdn_message_id, "inv-9");
  EXPECT_EQ(facts.participants, (Names{"tel:+33600000001", "tel:+33600000002", "tel:+33600000003"}))
      << "the conference factory is nobody";
  EXPECT_EQ(talk_of(facts), Talk::state);
}

TEST(Recognise, Mss5GroupState) {
  const ObjectFacts facts = facts_of(kGroupState, session("gc-51ab", "gc-51ab"));
  EXPECT_EQ(facts.kind, ObjectKind::group_state);
  EXPECT_EQ(facts.generation, 2);
  EXPECT_EQ(seconds(facts.moment), 1588574700);
  EXPECT_EQ(facts.focus, "sip:focus-77@ims.example");
  EXPECT_EQ(facts.group_type, "Closed");
  EXPECT_TRUE(facts.group);
  EXPECT_EQ(facts.participants, Names{"tel:+16135550100"});
  EXPECT_EQ(facts.preview, "");
  EXPECT_EQ(facts.sender, "");
  EXPECT_EQ(talk_of(facts), Talk::state);
}

TEST(Recognise, Mss3FileTransferFirstGeneration) {
  const ObjectFacts facts = facts_of(kFileFirst, conversation("conv1"));
  EXPECT_EQ(facts.kind, ObjectKind::file_transfer);
  EXPECT_EQ(facts.generation, 1);
  EXPECT_EQ(facts.session_type, "1-1");
  EXPECT_EQ(facts.file_name, "cat.jpg");
  EXPECT_EQ(facts.file_type, "image/jpeg");
  EXPECT_EQ(facts.file_size, 3U);
  EXPECT_EQ(facts.file_parts, 1);
  EXPECT_EQ(facts.preview, "cat.jpg");
  EXPECT_FALSE(facts.group);
  EXPECT_EQ(facts.participants, (Names{"sip:alice@example.net", "sip:bob@example.net"}));
  EXPECT_EQ(talk_of(facts), Talk::received);
}

TEST(Recognise, Mss3FileTransferSecondGeneration) {
  const ObjectFacts facts = facts_of(wrapped(kFileSecond), conversation("tel:+33600000002"));
  EXPECT_EQ(facts.kind, ObjectKind::file_transfer);
  EXPECT_EQ(facts.generation, 2);
  EXPECT_EQ(facts.file_name, "cat.jpg");
  EXPECT_EQ(facts.file_type, "image/jpeg");
  EXPECT_EQ(facts.file_size, 5120U);
  EXPECT_EQ(facts.file_parts, 1) << "the thumbnail is no file";
  EXPECT_EQ(facts.preview, "cat.jpg");
}

TEST(Recognise, Mss6StandaloneMediaObject) {
  const ObjectFacts facts = facts_of(kMedia, conversation("conv1"));
  EXPECT_EQ(facts.kind, ObjectKind::media);
  EXPECT_EQ(facts.generation, 0) << "nothing tells it";
  EXPECT_EQ(facts.conversation, "conv1");
  EXPECT_EQ(facts.file_type, "image/png");
  EXPECT_EQ(facts.file_name, "");
  EXPECT_EQ(facts.file_size, 6U);
  EXPECT_EQ(facts.file_parts, 1);
  EXPECT_EQ(facts.preview, "image/png");
  EXPECT_EQ(facts_of(kMedia).kind, ObjectKind::mail) << "outside of histories nothing tells that it is of CPM";
}

TEST(Recognise, Mss2Sms) {
  const ObjectFacts facts = facts_of(kSms, conversation("tel:+33600000002"));
  EXPECT_EQ(facts.kind, ObjectKind::sms);
  EXPECT_EQ(facts.generation, 2);
  EXPECT_EQ(facts.context, "pager-message");
  EXPECT_EQ(facts.correlator, "Hello!");
  EXPECT_EQ(facts.conversation, "tel:+33600000002");
  EXPECT_EQ(facts.conversation_id, "7a1c...");
  EXPECT_EQ(facts.imdn_message_id, "sms-1");
  EXPECT_EQ(facts.direction, Direction::received);
  EXPECT_EQ(facts.sender, "tel:+33600000002");
  EXPECT_EQ(facts.preview, "Hello!");
  EXPECT_EQ(seconds(facts.moment), 1589267700);
  EXPECT_FALSE(facts.group);
}

TEST(Recognise, Mss2Mms) {
  const ObjectFacts facts = facts_of(kMms, conversation("tel:+33600000001"));
  EXPECT_EQ(facts.kind, ObjectKind::mms);
  EXPECT_EQ(facts.context, "multimedia-message") << "without quotes";
  EXPECT_EQ(facts.correlator, "mms-4711");
  EXPECT_EQ(facts.subject, "from the lake");
  EXPECT_EQ(facts.preview, "Look at this!");
  EXPECT_EQ(facts.file_parts, 1) << "neither the layout nor the text";
  EXPECT_EQ(facts.file_name, "dot.png");
  EXPECT_EQ(facts.file_type, "image/png");
  EXPECT_EQ(facts.file_size, 6U);
  EXPECT_EQ(facts.direction, Direction::sent);
  EXPECT_EQ(talk_of(facts), Talk::sent);
}

TEST(Recognise, MailIsLeftAlone) {
  const ObjectFacts facts = facts_of(
      "From: Bob <bob@example.net>\nTo: alice@example.net\nMessage-ID: <1@x>\nSubject: hello\n"
      "Message-Context: voice-message\nContent-Type: text/plain\n\nHello");
  EXPECT_EQ(facts.kind, ObjectKind::mail);
  EXPECT_EQ(facts.message_id, "<1@x>");
  EXPECT_TRUE(facts.exact);
  EXPECT_EQ(facts.generation, 0);
  EXPECT_EQ(facts.sender, "");
  EXPECT_TRUE(facts.participants.empty());
  EXPECT_EQ(facts.subject, "");
  EXPECT_EQ(facts.preview, "");
  EXPECT_EQ(facts.context, "");
  EXPECT_EQ(facts.conversation, "");
}

// The demo's objects, with the facts that its conversation shows.
TEST(Recognise, Mss7RecordedObjects) {
  struct Expected {
    std::string_view file;
    ObjectKind kind;
    std::string_view sender;
    std::string_view preview;
  };
  const std::vector<Expected> all = {
      {"Default~tel:+15550101/01-s.eml", ObjectKind::chat_message, "tel:+15550101",
       "Morning! Are we still on for the lake on Saturday?"},
      {"Default~tel:+15550101/02-s.eml", ObjectKind::chat_message, "tel:+15550100",
       "Yes – I bring coffee, you bring the café's good bread ☕"},
      {"Default~tel:+15550101/03-s.eml", ObjectKind::notification, "tel:+15550101", ""},
      {"Default~tel:+15550101/04-s.eml", ObjectKind::chat_message, "tel:+15550101", "Deal. Train at 8:05, platform 3."},
      {"Default~tel:+15550101/05.eml", ObjectKind::file_transfer, "tel:+15550101", "dot.png"},
      {"Default~tel:+15550101/06.eml", ObjectKind::chat_message, "tel:+15550101",
       "That dot is me waving from the other shore :)"},
      {"Default~gc-51ab~gc-51ab/01-s.eml", ObjectKind::session_info, "tel:+15550100", ""},
      {"Default~gc-51ab~gc-51ab/02.eml", ObjectKind::chat_message, "tel:+15550102", "I can drive the boat!"},
      {"Default~gc-51ab~gc-51ab/03.eml", ObjectKind::group_state, "tel:+15550100", ""},
  };
  for (const Expected& expected : all) {
    SCOPED_TRACE(expected.file);
    std::ifstream in(std::filesystem::path(CPMSTORE_SOURCE_DIR) / "tests/imap/cpm/messages" / expected.file);
    ASSERT_TRUE(in) << "no such file";
    std::stringstream octets;
    octets << in.rdbuf();
    std::string path(expected.file.substr(0, expected.file.find('/')));
    std::replace(path.begin(), path.end(), '~', '/');
    const std::vector<std::string> roots = {"Default"};
    const ObjectFacts facts = facts_of_octets(octets.str(), place_of(path, roots));
    EXPECT_EQ(facts.kind, expected.kind);
    EXPECT_EQ(facts.sender, expected.sender);
    EXPECT_EQ(facts.preview, expected.preview);
    const bool group = path.find("gc-") != std::string::npos;
    EXPECT_EQ(facts.group, group);
    EXPECT_EQ(facts.conversation, group ? "gc-51ab" : "tel:+15550101");
  }
}

}  // namespace
}  // namespace cpm::imap::cpm_objects
