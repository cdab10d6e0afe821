// Push on a real database (MSS-39, 40, 41, 93): who gets which events, the order of a queue, leases, dead letters, and
// subscriptions that a user writes as annotations.
#include "schema/push.h"

#include "schema/accounts.h"
#include "schema/devices.h"
#include "schema/metadata.h"
#include "schema/outbox.h"
#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

using namespace std::chrono_literals;

class Push : public Store {
 protected:
  ~Push() override {
    test_.execute("delete from push_subscription");
    for (const char* table : {"outbox", "push_queue", "push_dead", "site_policy"})
      test_.execute("delete from " + std::string(table));
  }

  PushSubscription subscribe(PushSubscription wanted = {}) {
    if (wanted.service.empty()) wanted.account = alice_.account;
    if (wanted.device.empty()) wanted.device = "phone";
    if (wanted.url.empty()) wanted.url = "https://push.example.net/in";
    const auto done = in_transaction([&](Transaction& tx) { return add_push(tx, wanted, limits_); });
    EXPECT_TRUE(done) << done.error().text;
    return wanted;
  }
  void event(int mailbox, int modseq, PushEvent kind, const std::string& detail = "{}") {
    test_.execute("select outbox_add_v1(" + std::to_string(alice_.account.value) + ", " + std::to_string(mailbox) +
                  ", " + std::to_string(modseq) + ", " + std::to_string(static_cast<int>(kind)) + ", '" + detail +
                  "')");
  }
  std::string outbox(const std::string& what = "count(*)") { return test_.value("select " + what + " from outbox"); }
  std::vector<PushClaim> claim(ClaimRequest request = {{}, 10, 10, 60'000ms}) {
    return in_transaction([&](Transaction& tx) { return claim_push(tx, request); }).value();
  }
  PushWork read(const PushClaim& claim, std::size_t count = 10) {
    return in_transaction([&](Transaction& tx) { return read_push(tx, claim, count, count); }).value();
  }
  bool told(const PushClaim& claim, std::vector<std::int64_t> events, AfterTold then = AfterTold::keep) {
    return in_transaction([&](Transaction& tx) { return told_push(tx, claim, events, then, 60'000ms); }).value();
  }
  std::uint64_t failed(const PushClaim& claim, const PushFailure& failure) {
    return in_transaction([&](Transaction& tx) { return failed_push(tx, claim, failure); }).value();
  }
  void annotate(const std::string& name, std::optional<std::string> value) {
    const auto done = in_transaction([&](Transaction& tx) {
      return set_metadata(tx, metadata_of_server(alice_),
                          {{MetadataEntry(std::string(kPushEntries) + name), std::move(value)}}, limits_);
    });
    ASSERT_TRUE(done) << done.error().text;
  }
  std::string devices() {
    std::string out;
    for (const auto& one : in_transaction([&](Transaction& tx) { return list_push(tx, alice_.account, {}); }).value()) {
      out += one.device + (one.by_user ? " by user " : " ") + one.url + " " + push_events_text(one.events) + ";";
    }
    return out;
  }
};

TEST_F(Push, NobodyIsToldNothing) {
  event(1, 2, PushEvent::message_new);
  EXPECT_EQ(outbox(), "0");
  subscribe();
  event(1, 2, PushEvent::flags_change);
  EXPECT_EQ(outbox(), "0") << "not among the events asked for";
  event(1, 2, PushEvent::message_expunge);
  EXPECT_EQ(outbox(), "0");
  event(0, 0, PushEvent::quota_exceed);
  EXPECT_EQ(outbox(), "1");
}

// MSS-74: size, kind and time are read when the message has just come.
TEST_F(Push, ToldIsWhatCame) {
  subscribe();
  append("INBOX", 3);
  test_.execute("delete from outbox");
  event(1, 4, PushEvent::message_new, R"({"uids":"1:2,3"})");
  EXPECT_EQ(outbox("jsonb_array_length(detail -> 'objects')"), "3");
  EXPECT_EQ(outbox("detail -> 'objects' -> 0 ->> 'size'"), "10");
  EXPECT_EQ(outbox("detail ->> 'mailbox'"), "INBOX");
  EXPECT_EQ(outbox("detail ->> 'uidnext'"), "4");
}

TEST_F(Push, OnlyOfAMailboxAndWhatIsBelow) {
  PushSubscription wanted;
  wanted.mailbox = "Default";
  subscribe(wanted);
  event(1, 2, PushEvent::message_new, R"({"uids":"1"})");
  EXPECT_EQ(outbox(), "0");
  event(2, 2, PushEvent::message_new, R"({"uids":"1"})");
  event(2, 3, PushEvent::message_new, R"({"uids":"1","mailbox":"Default/x"})");
  event(2, 4, PushEvent::message_new, R"({"uids":"1","mailbox":"Defaults"})");
  EXPECT_EQ(outbox(), "2");
}

// MSS-41: a function of the network hears of all whom it may act for.
TEST_F(Push, AServiceHearsOfItsUsers) {
  const std::string host = alice_.address.substr(alice_.address.find('@'));
  const auto added = in_transaction([&](Transaction& tx) -> Result<bool> {
    CPM_CHECK(add_service(tx, {"core", Role::deposit, {"*" + host}, {}}, std::nullopt));
    CPM_CHECK(add_service(tx, {"other", Role::deposit, {"nobody_%*"}, {}}, std::nullopt));
    return true;
  });
  ASSERT_TRUE(added);
  PushSubscription wanted;
  wanted.service = "core";
  const auto core = subscribe(wanted);
  wanted.service = "other";
  subscribe(wanted);
  event(0, 0, PushEvent::quota_exceed);
  EXPECT_EQ(outbox("min(subscription_id)"), std::to_string(core.id));
  EXPECT_EQ(outbox(), "1");
  ASSERT_EQ(claim().size(), 1U);
  const auto gone = in_transaction([&](Transaction& tx) -> Result<bool> {
    CPM_CHECK(delete_service(tx, "core"));
    CPM_CHECK(delete_service(tx, "other"));
    return true;
  });
  ASSERT_TRUE(gone);
  EXPECT_EQ(test_.value("select count(*) from push_subscription"), "0");
}

TEST_F(Push, AQueueIsInTheOrderOfItsMailbox) {
  subscribe();
  for (const int modseq : {7, 5, 6}) event(1, modseq, PushEvent::message_new, R"({"uids":"1"})");
  event(2, 1, PushEvent::message_new, R"({"uids":"1"})");
  const auto claims = claim();
  ASSERT_EQ(claims.size(), 2U);
  const PushClaim& first = claims[0].queue == 1 ? claims[0] : claims[1];
  const PushWork work = read(first);
  ASSERT_EQ(work.events.size(), 3U);
  EXPECT_EQ(work.events[0].modseq, 5U);
  EXPECT_EQ(work.events[2].modseq, 7U);
  EXPECT_EQ(work.address, alice_.address);
  EXPECT_TRUE(claim().empty()) << "both are taken";
  // What is told is removed; what comes meanwhile waits in the same queue.
  event(1, 8, PushEvent::message_new, R"({"uids":"1"})");
  EXPECT_TRUE(told(first, {work.events[0].id, work.events[1].id}));
  EXPECT_EQ(read(first).events.size(), 2U);
  EXPECT_FALSE(told(first, {read(first).events[0].id, read(first).events[1].id}));
  EXPECT_EQ(test_.value("select count(*) from push_queue where queue = 1"), "0");
}

TEST_F(Push, ALeaseThatEndedIsAnothers) {
  subscribe();
  event(1, 2, PushEvent::message_new, R"({"uids":"1"})");
  const auto old = claim({{}, 10, 10, 0ms});
  ASSERT_EQ(old.size(), 1U);
  const auto fresh = claim();
  ASSERT_EQ(fresh.size(), 1U);
  const auto id = read(fresh[0]).events.at(0).id;
  EXPECT_FALSE(told(old[0], {})) << "it has lost the queue";
  EXPECT_EQ(failed(old[0], {{id}, true, 0ms, 3600s, "late"}), 0U);
  EXPECT_EQ(outbox(), "1") << "whose lease ended decides nothing";
  EXPECT_FALSE(told(fresh[0], {id}));
  EXPECT_EQ(outbox(), "0");
}

TEST_F(Push, BusyReceiversAreLeftOut) {
  subscribe();
  PushSubscription second;
  second.device = "second";
  second.url = "http://other.example:81/";
  subscribe(second);
  event(1, 2, PushEvent::message_new, R"({"uids":"1"})");
  event(2, 2, PushEvent::message_new, R"({"uids":"1"})");
  EXPECT_EQ(claim({{"https://push.example.net:443", "http://other.example:81"}, 10, 10, 0ms}).size(), 0U);
  EXPECT_EQ(claim({{"https://push.example.net:443"}, 10, 10, 0ms}).size(), 2U);
  EXPECT_EQ(claim({{}, 10, 1, 0ms}).size(), 2U) << "one of each receiver";
  EXPECT_EQ(claim({{}, 3, 10, 0ms}).size(), 3U);
}

TEST_F(Push, DeadLettersAreToldAgainByHand) {
  subscribe();
  for (const int modseq : {2, 3}) event(1, modseq, PushEvent::message_new, R"({"uids":"1"})");
  auto claims = claim();
  ASSERT_EQ(claims.size(), 1U);
  auto work = read(claims[0]);
  EXPECT_EQ(failed(claims[0], {{work.events[0].id}, false, 0ms, 3600s, "HTTP 500"}), 0U);
  claims = claim();
  ASSERT_EQ(claims.size(), 1U);
  EXPECT_EQ(claims[0].attempts, 1);
  EXPECT_EQ(failed(claims[0], {{work.events[0].id}, true, 0ms, 3600s, "HTTP 410"}), 1U);
  EXPECT_EQ(outbox(), "1");
  claims = claim();
  ASSERT_EQ(claims.size(), 1U) << "the next event goes on";
  EXPECT_EQ(claims[0].attempts, 0);
  // All that is too old goes too.
  EXPECT_EQ(failed(claims[0], {{}, false, 0ms, 0s, "HTTP 503"}), 1U);
  EXPECT_EQ(test_.value("select count(*) from push_queue"), "0");
  auto dead = in_transaction([](Transaction& tx) { return list_dead(tx, {}, 10); }).value();
  ASSERT_EQ(dead.size(), 2U);
  EXPECT_EQ(dead[1].reason, "HTTP 410");
  EXPECT_EQ(dead[1].attempts, 2);
  EXPECT_EQ(dead[1].address, alice_.address);
  EXPECT_EQ(in_transaction([](Transaction& tx) {
              return replay_dead(tx, {AccountId{}, "nobody", ""}, 10);
            }).value(),
            0U);
  EXPECT_EQ(in_transaction([](Transaction& tx) { return replay_dead(tx, {}, 10); }).value(), 2U);
  claims = claim();
  ASSERT_EQ(claims.size(), 1U);
  EXPECT_EQ(read(claims[0]).events.at(0).modseq, 2U);
  EXPECT_EQ(test_.value("select count(*) from push_dead"), "0");
}

TEST_F(Push, ADigestWaits) {
  PushSubscription wanted;
  wanted.digest = 3600s;
  subscribe(wanted);
  event(1, 2, PushEvent::message_new, R"({"uids":"1"})");
  event(2, 2, PushEvent::message_new, R"({"uids":"1"})");
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(test_.value("select count(*) from push_queue"), "1");
  test_.execute("update push_queue set due_at = now()");
  const auto claims = claim();
  ASSERT_EQ(claims.size(), 1U);
  EXPECT_EQ(read(claims[0]).events.size(), 2U);
}

TEST_F(Push, WithoutItsSubscriptionNothingWaits) {
  const auto subscription = subscribe();
  event(1, 2, PushEvent::message_new, R"({"uids":"1"})");
  const auto claims = claim();
  test_.execute("delete from push_subscription");
  EXPECT_TRUE(read(claims.at(0)).events.empty());
  EXPECT_EQ(outbox(), "0");
  EXPECT_EQ(test_.value("select count(*) from push_queue"), "0");
  static_cast<void>(subscription);
}

// MSS-93, MSS-39: several devices, by the user's own wish; the provider's decision wins.
TEST_F(Push, AnnotationsMakeDevices) {
  annotate("Phone/events", "MessageNew");
  EXPECT_EQ(devices(), "");
  annotate("Phone/webhook", "https://h/x");
  annotate("tablet/pap", "http://ppg/");
  EXPECT_EQ(devices(), "phone by user https://h/x MessageNew;tablet by user http://ppg/ " +
                           push_events_text(kUsualPushEvents) + ";");
  const auto id = test_.value("select subscription_id from push_subscription where device = 'phone'");
  annotate("tablet/pap", std::nullopt);
  EXPECT_EQ(test_.value("select subscription_id from push_subscription"), id) << "what is the same stays";
  event(1, 2, PushEvent::message_new, R"({"uids":"1"})");
  EXPECT_EQ(outbox(), "1");
  test_.execute("insert into site_policy values ('notify', 'off')");
  event(1, 3, PushEvent::message_new, R"({"uids":"1"})");
  EXPECT_EQ(outbox(), "1") << "the provider says no";
  annotate("phone/webhook", std::nullopt);
  EXPECT_EQ(devices(), "");
  EXPECT_EQ(outbox(), "0");
}

TEST_F(Push, DevicesAreBounded) {
  limits_.push_subscriptions = 2;
  PushSubscription one;
  one.device = "a";
  subscribe(one);
  one.device = "b";
  subscribe(one);
  one.account = alice_.account;
  one.url = "https://h/";
  one.device = "c";
  auto refused = in_transaction([&](Transaction& tx) { return add_push(tx, one, limits_); });
  EXPECT_EQ(refused.error().failure, Failure::limit);
  limits_.push_subscriptions = 3;
  one.device = "B";
  refused = in_transaction([&](Transaction& tx) { return add_push(tx, one, limits_); });
  EXPECT_EQ(refused.error().failure, Failure::exists);
}

TEST_F(Push, ANewDeviceIsNoticedOnce) {
  PushSubscription wanted;
  wanted.events = 1U << 13;
  subscribe(wanted);
  const auto from = [&](const char* device, const char* network) {
    const LoginFrom login{alice_.account, device, network, "192.0.2.1", alice_.address};
    return in_transaction([&](Transaction& tx) { return note_login(tx, login); }).value();
  };
  EXPECT_TRUE(from("a/1", "192.0.2.0/24"));
  EXPECT_FALSE(from("a/1", "192.0.2.0/24"));
  EXPECT_TRUE(from("a/1", "198.51.100.0/24"));
  EXPECT_TRUE(from("b/1", "192.0.2.0/24"));
  EXPECT_EQ(outbox(), "3");
  for (int i = 0; i < 205; ++i) from(("x" + std::to_string(i)).c_str(), "n");
  EXPECT_EQ(test_.value("select count(*) from login_device where account_id = " + std::to_string(alice_.account.value)),
            "200");
}

TEST(PushNames, AreReadAndWritten) {
  EXPECT_EQ(push_events_text(parse_push_events("messagenew, QuotaExceed").value()), "MessageNew,QuotaExceed");
  EXPECT_EQ(parse_push_events("all").value(), 0x3ffeU);
  EXPECT_FALSE(parse_push_events(""));
  EXPECT_FALSE(parse_push_events("MessageNew,"));
  EXPECT_EQ(object_kinds_text(parse_object_kinds("sms,chat-message,sms").value()), "sms,chat-message");
  EXPECT_FALSE(parse_object_kinds("letter"));
  EXPECT_FALSE(push_device_name("a/b"));
  EXPECT_FALSE(check_push_entry("phone", "x"));
  EXPECT_FALSE(check_push_entry("phone/webhook", "javascript:x"));
  EXPECT_TRUE(check_push_entry("phone/webhook", "https://h/"));
}

}  // namespace
}  // namespace cpm::schema
