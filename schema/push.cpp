#include "schema/push.h"

#include "base/http_url.h"
#include "schema/accounts.h"
#include "schema/credentials.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace cpm::schema {

namespace {

constexpr std::array<PushEventName, 13> kEvents{{
    {PushEvent::message_new, "MessageNew"},
    {PushEvent::message_expunge, "MessageExpunge"},
    {PushEvent::flags_change, "FlagsChange"},
    {PushEvent::mailbox_create, "MailboxCreate"},
    {PushEvent::mailbox_rename, "MailboxRename"},
    {PushEvent::mailbox_delete, "MailboxDelete"},
    {PushEvent::quota_warning, "QuotaWarning"},
    {PushEvent::quota_exceed, "QuotaExceed"},
    {PushEvent::quota_within, "QuotaWithin"},
    {PushEvent::acl_change, "AclChange"},
    {PushEvent::acl_expired, "AclExpired"},
    {PushEvent::expired_deferred_stored, "ExpiredDeferredStored"},
    {PushEvent::login_new_device, "LoginNewDevice"},
}};

// By their numbers.
constexpr std::array<std::string_view, 11> kKinds{"mail",         "message",     "chat-message",  "notification",
                                                  "session-info", "group-state", "file-transfer", "media",
                                                  "sms",          "mms",         "signal"};

constexpr std::size_t kDeviceOctets = 100;
constexpr std::size_t kSecretOctets = 1000;
constexpr std::size_t kTargetOctets = 1000;

constexpr Query kCount{"push_count",
                       "select count(*) from push_subscription where account_id = $1 and account_id <> 0"};
constexpr Query kAdd{
    "push_add",
    "insert into push_subscription (account_id, subscription_id, service, device, sink, by_user, events,"
    " digest, url, origin, secret, target, mailbox, kinds)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::smallint[])"
    " on conflict (account_id, coalesce(service, ''), device) do nothing"};
#define CPM_PUSH_COLUMNS                                                                                           \
  "select account_id, coalesce(service, ''), device, sink, by_user, events, digest, url, secret, target, mailbox," \
  " array_to_string(kinds, ','), subscription_id from push_subscription"
constexpr Query kList{"push_list", CPM_PUSH_COLUMNS
                      " where account_id = $1 and ($2::text = '' or service = $2) order by service, device"};
constexpr Query kFind{"push_find",
                      CPM_PUSH_COLUMNS " where account_id = $1 and coalesce(service, '') = $2 and device = $3"};
constexpr Query kRemove{"push_remove", "delete from push_subscription where account_id = $1 and subscription_id = $2"};
// Of a service there are rows of many accounts.
constexpr Query kClearOutbox{"push_clear_outbox",
                             "delete from outbox where ($1::bigint = 0 or account_id = $1) and subscription_id = $2"};
constexpr Query kClearQueue{
    "push_clear_queue", "delete from push_queue where ($1::bigint = 0 or account_id = $1) and subscription_id = $2"};
constexpr Query kClearDead{"push_clear_dead",
                           "delete from push_dead where ($1::bigint = 0 or account_id = $1) and subscription_id = $2"};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// Calls `one` for each item between commas.
template <class Function>
Result<void> each_item(std::string_view text, Function one) {
  while (true) {
    const auto comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    CPM_CHECK(one(lower(item)));
    if (comma == std::string_view::npos) return {};
    text.remove_prefix(comma + 1);
  }
}

std::int64_t random_number() {
  std::int64_t value = 0;
  const std::string octets = random_octets(sizeof value);
  std::memcpy(&value, octets.data(), sizeof value);
  value &= 0x7fffffffffffffffLL;
  return value == 0 ? 1 : value;
}

bool plain_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Result<void> check_values(const PushSubscription& subscription) {
  const auto bad = [](const std::optional<std::string>& text, std::size_t most) {
    return text && (text->empty() || text->size() > most || !plain_text(*text));
  };
  if (bad(subscription.secret, kSecretOctets)) return fail(Failure::invalid, "the secret is empty or too long");
  if (bad(subscription.target, kTargetOctets)) return fail(Failure::invalid, "the address is empty or too long");
  if (bad(subscription.mailbox, kTargetOctets)) return fail(Failure::invalid, "the mailbox is empty or too long");
  if (subscription.digest.count() < 0 || subscription.digest > std::chrono::hours(24 * 7))
    return fail(Failure::invalid, "a digest is for 0 seconds to a week");
  return {};
}

PushSubscription read(const pqxx::row& row) {
  PushSubscription out;
  out.account = AccountId{row[0].as<std::int64_t>()};
  out.service = row[1].c_str();
  out.device = row[2].c_str();
  out.sink = static_cast<PushSink>(row[3].as<int>());
  out.by_user = row[4].as<bool>();
  out.events = row[5].as<std::uint32_t>();
  out.digest = std::chrono::seconds(row[6].as<int>());
  out.url = row[7].c_str();
  if (!row[8].is_null()) out.secret = row[8].c_str();
  if (!row[9].is_null()) out.target = row[9].c_str();
  if (!row[10].is_null()) out.mailbox = row[10].c_str();
  out.kinds = kinds_from_numbers(row[11].c_str());
  out.id = row[12].as<std::int64_t>();
  return out;
}

}  // namespace

std::span<const PushEventName> push_event_names() noexcept { return kEvents; }

std::string_view push_event_name(PushEvent event) noexcept {
  for (const PushEventName& one : kEvents) {
    if (one.event == event) return one.name;
  }
  return "Test";
}

Result<std::uint32_t> parse_push_events(std::string_view text) {
  std::uint32_t events = 0;
  CPM_CHECK(each_item(text, [&](const std::string& item) -> Result<void> {
    bool found = false;
    for (const PushEventName& one : kEvents) {
      if (item != "all" && item != lower(one.name)) continue;
      events |= 1U << static_cast<unsigned>(one.event);
      found = true;
    }
    if (!found)
      return fail(Failure::invalid, "there is no event \"" + item + "\": all, or some of " + push_events_text(~0U));
    return {};
  }));
  return events;
}

std::string push_events_text(std::uint32_t events) {
  std::string out;
  for (const PushEventName& one : kEvents) {
    if ((events >> static_cast<unsigned>(one.event) & 1U) == 0) continue;
    out += (out.empty() ? "" : ",") + std::string(one.name);
  }
  return out;
}

std::string_view object_kind_name(ObjectKind kind) noexcept {
  const auto number = static_cast<std::size_t>(kind);
  return number < kKinds.size() ? kKinds.at(number) : "unknown";
}

Result<std::vector<ObjectKind>> parse_object_kinds(std::string_view text) {
  std::vector<ObjectKind> kinds;
  CPM_CHECK(each_item(text, [&](const std::string& item) -> Result<void> {
    const auto* const at = std::find(kKinds.begin(), kKinds.end(), item);
    if (at == kKinds.end()) {
      std::string all;
      for (const auto& one : kKinds) all += (all.empty() ? "" : ",") + std::string(one);
      return fail(Failure::invalid, "there is no kind of object \"" + item + "\": some of " + all);
    }
    const auto kind = static_cast<ObjectKind>(at - kKinds.begin());
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
    return {};
  }));
  return kinds;
}

std::vector<ObjectKind> kinds_from_numbers(std::string_view numbers) {
  std::vector<ObjectKind> kinds;
  while (!numbers.empty()) {
    const auto comma = numbers.find(',');
    kinds.push_back(static_cast<ObjectKind>(std::stoi(std::string(numbers.substr(0, comma)))));
    numbers.remove_prefix(comma == std::string_view::npos ? numbers.size() : comma + 1);
  }
  return kinds;
}

std::string object_kinds_text(std::span<const ObjectKind> kinds) {
  std::string out;
  for (const ObjectKind kind : kinds) out += (out.empty() ? "" : ",") + std::string(object_kind_name(kind));
  return out;
}

Result<std::string> push_device_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (text.empty() || text.size() > kDeviceOctets || !std::all_of(text.begin(), text.end(), allowed))
    return fail(Failure::invalid, "the name of a device is 1 to 100 of the characters A-Z a-z 0-9 . _ -");
  return lower(text);
}

Result<void> add_push(Transaction& tx, PushSubscription& subscription, const Limits& limits) {
  CPM_TRY(device, push_device_name(subscription.device));
  subscription.device = device;
  CPM_TRY(url, parse_http_url(subscription.url));
  CPM_CHECK(check_values(subscription));
  if (subscription.events == 0) return fail(Failure::invalid, "no event is named");
  if (tx.exec(kCount, subscription.account.value)[0][0].as<std::size_t>() >= limits.push_subscriptions)
    return fail(Failure::limit,
                "no more than " + std::to_string(limits.push_subscriptions) + " devices of a user are told of events");
  subscription.id = random_number();
  std::optional<std::string> kinds;
  if (!subscription.kinds.empty()) {
    std::vector<std::uint32_t> numbers;
    for (const ObjectKind kind : subscription.kinds) numbers.push_back(static_cast<std::uint32_t>(kind));
    kinds = array(std::span<const std::uint32_t>(numbers));
  }
  const std::optional<std::string> service =
      subscription.service.empty() ? std::nullopt : std::optional(subscription.service);
  const auto done = tx.exec(kAdd, subscription.account.value, subscription.id, service, subscription.device,
                            static_cast<int>(subscription.sink), subscription.by_user, subscription.events,
                            subscription.digest.count(), subscription.url, url.origin(), subscription.secret,
                            subscription.target, subscription.mailbox, kinds);
  if (done.affected_rows() == 0)
    return fail(Failure::exists, "there is a device of that name already: " + subscription.device);
  return {};
}

Result<std::vector<PushSubscription>> list_push(Transaction& tx, AccountId account, std::string_view service) {
  std::vector<PushSubscription> out;
  for (const auto& row : tx.exec(kList, account.value, service)) out.push_back(read(row));
  return out;
}

Result<PushSubscription> find_push(Transaction& tx, AccountId account, std::string_view service,
                                   std::string_view device) {
  const pqxx::result rows = tx.exec(kFind, account.value, service, lower(device));
  if (rows.empty()) return fail(Failure::not_found, "there is no such device");
  return read(rows[0]);
}

Result<void> remove_push(Transaction& tx, const PushSubscription& subscription) {
  tx.exec(kRemove, subscription.account.value, subscription.id);
  for (const Query* query : {&kClearOutbox, &kClearQueue, &kClearDead}) {
    tx.exec(*query, subscription.account.value, subscription.id);
  }
  return {};
}

}  // namespace cpm::schema
