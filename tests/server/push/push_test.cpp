// MSS-39, 40, 74, 93: what receivers are told, where requests may go, when they are left alone.
#include "server/push/breaker.h"
#include "server/push/network_guard.h"
#include "server/push/pap.h"
#include "server/push/payload.h"

#include <gtest/gtest.h>
#include <pugixml.hpp>

#include <fstream>

namespace cpm::server::push {
namespace {

using namespace std::chrono_literals;
using Verdict = NetworkGuard::Verdict;

Verdict judge(const NetworkGuard& guard, const char* address) {
  return guard.judge(boost::asio::ip::make_address(address));
}

TEST(PushGuard, RefusesWhatIsNotPublic) {
  const auto guard = NetworkGuard::make({});
  ASSERT_TRUE(guard);
  for (const char* address : {"0.0.0.0",
                              "10.1.2.3",
                              "100.64.0.1",
                              "127.0.0.1",
                              "127.255.0.1",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.8",
                              "192.0.2.1",
                              "192.168.0.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.1",
                              "203.0.113.1",
                              "224.0.0.1",
                              "239.1.1.1",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "::127.0.0.1",
                              "64:ff9b::7f00:1",
                              "100::1",
                              "2001::1",
                              "2001:db8::1",
                              "2002:7f00:1::",
                              "3fff::1",
                              "fc00::1",
                              "fd00:ec2::254",
                              "fe80::1",
                              "fec0::1",
                              "ff02::1"}) {
    EXPECT_EQ(judge(*guard, address), Verdict::refused) << address;
  }
  for (const char* address :
       {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
        "192.167.255.255", "198.17.255.255", "223.255.255.255", "2a00:1450::1", "2606:4700::1", "::ffff:1.1.1.1"}) {
    EXPECT_EQ(judge(*guard, address), Verdict::open) << address;
  }
}

TEST(PushGuard, KnowsTheOperatorsNetworks) {
  const auto guard = NetworkGuard::make({"10.1.0.0/16", "fd00:1::/32", "127.0.0.1"});
  ASSERT_TRUE(guard);
  EXPECT_EQ(judge(*guard, "10.1.255.1"), Verdict::by_operator);
  EXPECT_EQ(judge(*guard, "::ffff:10.1.0.1"), Verdict::by_operator);
  EXPECT_EQ(judge(*guard, "10.2.0.1"), Verdict::refused);
  EXPECT_EQ(judge(*guard, "fd00:1:2::3"), Verdict::by_operator);
  EXPECT_EQ(judge(*guard, "fd00:2::3"), Verdict::refused);
  EXPECT_EQ(judge(*guard, "127.0.0.1"), Verdict::by_operator);
  EXPECT_EQ(judge(*guard, "127.0.0.2"), Verdict::refused);
  for (const char* bad : {"", "10.0.0.0/33", "x", "::/129", "10.0.0.0/8/8", "10.0.0"})
    EXPECT_FALSE(NetworkGuard::make({bad})) << bad;
}

TEST(PushBreaker, LeavesAReceiverAloneAndTriesOnce) {
  Breaker breaker(3, 1000ms);
  const auto begin = Breaker::Clock::now();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(breaker.allow("a", begin));
    breaker.failed("a", begin);
  }
  EXPECT_FALSE(breaker.allow("a", begin + 999ms));
  EXPECT_TRUE(breaker.allow("b", begin));
  EXPECT_EQ(breaker.open(begin + 1ms), std::vector<std::string>{"a"});
  EXPECT_TRUE(breaker.allow("a", begin + 1000ms));
  EXPECT_FALSE(breaker.allow("a", begin + 1001ms)) << "one trial at a time";
  breaker.failed("a", begin + 1100ms);
  EXPECT_FALSE(breaker.allow("a", begin + 2000ms));
  EXPECT_TRUE(breaker.allow("a", begin + 2100ms));
  breaker.succeeded("a");
  EXPECT_TRUE(breaker.allow("a", begin + 2101ms));
  EXPECT_TRUE(breaker.open(begin + 2101ms).empty());
}

schema::OutboxEvent event_of(schema::PushEvent kind, std::string detail, int mailbox = 3) {
  schema::OutboxEvent event;
  event.id = 0x1234;
  event.account = AccountId{7};
  event.mailbox = MailboxId{mailbox};
  event.modseq = 9;
  event.event = kind;
  event.detail = std::move(detail);
  event.created = std::chrono::sys_time<std::chrono::milliseconds>(1'700'000'000'123ms);
  return event;
}

Json told(const schema::OutboxEvent& event, const schema::PushSubscription& subscription = {}) {
  const auto json = event_json(event, subscription, "a@example.net", {"store.example", "imap.example"});
  return json ? *json : Json("nothing");
}

constexpr const char* kObjects =
    R"({"uids":"5:6","mailbox":"Default/tel:+1","uidvalidity":11,"messages":2,"uidnext":7,"unseen":1,"contents":[1,2],"session":4,"objects":[)"
    R"({"uid":5,"kind":2,"size":100,"sent":1700000000,"internaldate":1700000001,"direction":2,"sender":"tel:+1","conversation":"tel:+1",)"
    R"("conversation_id":"c","contribution_id":"d","imdn_id":"i"},{"uid":6,"kind":4,"size":7}]})";

TEST(PushPayload, NamesWhatRfc5423Names) {
  const Json json = told(event_of(schema::PushEvent::message_new, kObjects));
  EXPECT_EQ(json["event"], "MessageNew");
  EXPECT_EQ(json["timestamp"], "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(json["mailboxID"], "imap://a%40example.net@imap.example/Default/tel:+1;UIDVALIDITY=11");
  EXPECT_EQ(json["uidset"], "5:6");
  EXPECT_EQ(json["uidnext"], 7);
  EXPECT_EQ(json["messages"], 2);
  EXPECT_FALSE(json.contains("uri")) << "of several messages no single one is named";
  const Json& first = json["vnd.cpmstore"]["objects"][0];
  EXPECT_EQ(first["kind"], "chat-message");
  EXPECT_EQ(first["direction"], "received");
  EXPECT_EQ(first["from"], "tel:+1");
  EXPECT_EQ(first["date"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(first["messageSize"], 100);
  EXPECT_EQ(first["conversationID"], "c");
  EXPECT_EQ(json.dump().find("contents"), std::string::npos) << "what is the store's own business is not told";
  EXPECT_EQ(json.dump().find("session\""), std::string::npos);
}

TEST(PushPayload, LeavesOutOtherKinds) {
  schema::PushSubscription subscription;
  subscription.kinds = {schema::ObjectKind::session_info};
  const Json json = told(event_of(schema::PushEvent::message_new, kObjects), subscription);
  EXPECT_EQ(json["uidset"], "6");
  EXPECT_EQ(json["messageSize"], 7);
  EXPECT_EQ(json["uri"], "imap://a%40example.net@imap.example/Default/tel:+1;UIDVALIDITY=11/;UID=6");
  subscription.kinds = {schema::ObjectKind::sms};
  EXPECT_EQ(told(event_of(schema::PushEvent::message_new, kObjects), subscription), "nothing");
}

TEST(PushPayload, TellsFlagsAsTheRfcDoes) {
  const auto flags = [](const char* detail) {
    const Json json = told(event_of(schema::PushEvent::flags_change, detail));
    return json["event"].get<std::string>() + " " + json.value("flagNames", Json::array()).dump();
  };
  EXPECT_EQ(flags(R"({"uids":"1","keep":2147483647,"set":1})"), "MessageRead [\"\\\\Seen\"]");
  EXPECT_EQ(flags(R"({"uids":"1","keep":2147483647,"set":8})"), "MessageTrash [\"\\\\Deleted\"]");
  EXPECT_EQ(flags(R"({"uids":"1","keep":2147483647,"set":5})"), "FlagsSet [\"\\\\Flagged\",\"\\\\Seen\"]");
  EXPECT_EQ(flags(R"({"uids":"1","keep":2147483646,"set":0})"), "FlagsClear [\"\\\\Seen\"]");
  EXPECT_EQ(flags(R"({"uids":"1","keep":2147483646,"set":4})"), "vnd.cpmstore.FlagsChange [\"\\\\Flagged\"]");
  EXPECT_EQ(flags(R"({"uids":"1","keep":2147483647,"set":1,"keywords":true})"),
            "vnd.cpmstore.FlagsChange [\"\\\\Seen\"]");
}

TEST(PushPayload, TellsQuotaMailboxesAndRights) {
  Json json = told(
      event_of(schema::PushEvent::quota_exceed, R"({"root":"","resource":"STORAGE","used":2049,"limit":4096})", 0));
  EXPECT_EQ(json["event"], "QuotaExceed");
  EXPECT_EQ(json["diskQuota"], 4);
  EXPECT_EQ(json["diskUsed"], 3);
  EXPECT_FALSE(json.contains("mailboxID"));
  json = told(event_of(schema::PushEvent::quota_warning, R"({"level":80})", 0));
  EXPECT_EQ(json["event"], "vnd.cpmstore.QuotaWarning");
  EXPECT_EQ(json["vnd.cpmstore"]["level"], 80);
  json = told(event_of(schema::PushEvent::mailbox_rename, R"({"mailbox":"b","old":"a","uidvalidity":1})"));
  EXPECT_EQ(json["oldMailboxID"], "imap://a%40example.net@imap.example/a;UIDVALIDITY=1");
  json = told(event_of(schema::PushEvent::acl_change, R"({"mailbox":"b","identifier":"bob","rights":"lr"})"));
  EXPECT_EQ(json["event"], "vnd.cpmstore.AclChange");
  EXPECT_EQ(json["vnd.cpmstore"]["identifier"], "bob");
  EXPECT_EQ(told(event_of(schema::PushEvent::acl_change, "not json"))["event"], "vnd.cpmstore.AclChange");
}

TEST(PushPayload, ReadsTheSender) {
  EXPECT_EQ(senders_in(R"(("d" "s" (("Ben" NIL "ben" "b.example")("C" NIL "c" "h")) NIL NIL))"),
            (std::vector<std::string>{"ben@b.example", "c@h"}));
  EXPECT_EQ(senders_in("(NIL {3}\r\na\"b ((NIL NIL \"q\\\"x\" {1}\r\nh)) NIL)"), std::vector<std::string>{"q\"x@h"});
  for (const char* broken : {"", "(", "((((((((((", "(\"a", "(NIL {99}\r\nx", "(NIL NIL NIL)",
                             "(NIL NIL ((NIL NIL NIL NIL)))", "{", "~{2}"}) {
    EXPECT_TRUE(senders_in(broken).empty()) << broken;
  }
}

TEST(PushPayload, Signs) {
  // openssl: printf '1.body' | openssl dgst -sha256 -hmac key
  EXPECT_EQ(signature("key", 1, "body"), "t=1,v1=91b5374b153842ad05b2c4eab9349b8321b14703165bd3fb8b034dfb8be98ae5");
}

PapMessage pap_message() {
  return {"1234", "WAPPUSH=x/TYPE=USER@g", std::chrono::sys_time<std::chrono::milliseconds>(1'700'000'000'000ms),
          "<emn/>"};
}

TEST(PushPap, WritesADocumentOfTheDtd) {
  const PapBody body = pap_push_message(pap_message(), "application/vnd.wap.emn+xml");
  EXPECT_EQ(body.type, "multipart/related; boundary=\"push-1234\"; type=\"application/xml\"");
  const auto begin = body.text.find("\r\n\r\n") + 4;
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(body.text.substr(begin, body.text.find("\r\n--", begin) - begin).c_str()));
  const auto push = document.child("pap").child("push-message");
  EXPECT_STREQ(push.attribute("push-id").value(), "1234");
  EXPECT_STREQ(push.attribute("deliver-before-timestamp").value(), "2023-11-14T22:13:20Z");
  EXPECT_STREQ(push.first_child().name(), "address");
  EXPECT_STREQ(push.first_child().attribute("address-value").value(), "WAPPUSH=x/TYPE=USER@g");
  EXPECT_STREQ(push.last_child().name(), "quality-of-service");
  EXPECT_NE(body.text.find("Content-Type: application/vnd.wap.emn+xml\r\n"), std::string::npos);
  EXPECT_TRUE(body.text.ends_with("<emn/>\r\n--push-1234--\r\n"));
}

TEST(PushPap, NamesDevices) {
  EXPECT_EQ(pap_address("tel:+15550100", "g"), "WAPPUSH=+15550100/TYPE=PLMN@g");
  EXPECT_EQ(pap_address("a@example.net", "g"), "WAPPUSH=a%40example.net/TYPE=USER@g");
  EXPECT_EQ(pap_address("a/TYPE=PLMN@evil", "g"), "WAPPUSH=a%2FTYPE%3DPLMN%40evil/TYPE=USER@g");
  EXPECT_EQ(pap_address("WAPPUSH=1.2.3.4/TYPE=IPV4@g", "x"), "WAPPUSH=1.2.3.4/TYPE=IPV4@g");
}

TEST(PushPap, ReadsAnswers) {
  const auto verdict = [](const std::string& body) { return read_pap_answer(body).verdict; };
  const auto result = [](const char* code) {
    return "<?xml version=\"1.0\"?><pap><push-response push-id=\"1\"><response-result code=\"" + std::string(code) +
           "\"/></push-response></pap>";
  };
  EXPECT_EQ(verdict(result("1000")), PapAnswer::Verdict::taken);
  EXPECT_EQ(verdict(result("1001")), PapAnswer::Verdict::taken);
  EXPECT_EQ(verdict(result("2000")), PapAnswer::Verdict::never);
  EXPECT_EQ(verdict(result("3002")), PapAnswer::Verdict::again);
  EXPECT_EQ(verdict(result("4001")), PapAnswer::Verdict::again);
  EXPECT_EQ(verdict("<pap><badmessage-response code=\"2000\" bad-message-fragment=\"x\"/></pap>"),
            PapAnswer::Verdict::never);
  EXPECT_EQ(verdict("<pap/>"), PapAnswer::Verdict::again);
  EXPECT_EQ(verdict("nonsense"), PapAnswer::Verdict::again);
  EXPECT_EQ(verdict(""), PapAnswer::Verdict::again);
}

TEST(PushPap, FillsTemplates) {
  const Json event = told(event_of(schema::PushEvent::message_new,
                                   R"({"mailbox":"a&\"b<","uids":"1","objects":[{"uid":1,"size":5,"sender":"<x>"}]})"));
  const std::string file = ::testing::TempDir() + "push_template.xml";
  const auto with = [&](const char* text) {
    std::ofstream(file) << text;
    return read_template(file, "text/x");
  };
  const auto own = with("<m f=\"{from}\" s=\"{size}\" n=\"{conversation}\">{event}</m>");
  ASSERT_TRUE(own) << own.error().text;
  EXPECT_EQ(expand(*own, event), "<m f=\"&lt;x&gt;\" s=\"5\" n=\"\">MessageNew</m>");
  for (const char* bad : {"{nothing}", "{from", "{}", ""}) EXPECT_FALSE(with(bad)) << bad;
  EXPECT_FALSE(read_template("/nowhere/x", "t"));
  const auto emn = read_template("", "t");
  ASSERT_TRUE(emn);
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(expand(*emn, event).c_str()));
  EXPECT_STREQ(document.child("emn").attribute("mailbox").value(), "imap://a%40example.net@imap.example/a&%22b%3C");
}

}  // namespace
}  // namespace cpm::server::push
