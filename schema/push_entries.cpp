// Subscriptions of a user as annotations of the server: DEVICE/webhook or DEVICE/pap makes one, the others say more.
#include "base/http_url.h"
#include "schema/push.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace cpm::schema {

namespace {

constexpr Query kEntries{"push_entries",
                         "select substr(m.entry, length($2::text) + 1), convert_from(m.value, 'UTF8') from metadata m"
                         " where m.account_id = $1 and m.mailbox_id = 0 and m.owner_id = $1 and m.value is not null"
                         " and m.entry >= $2::text and m.entry < $3::text and octet_length(m.value) <= 2000"};
constexpr Query kSame{"push_same",
                      "select count(*) from push_subscription where account_id = $1 and by_user and device = $2"
                      " and sink = $3 and events = $4 and digest = $5 and url = $6 and secret is not distinct from $7"
                      " and target is not distinct from $8 and mailbox is not distinct from $9"
                      " and kinds is not distinct from $10::smallint[]"};

using Entries = std::map<std::string, std::string>;  // of one device

Result<std::chrono::seconds> parse_digest(std::string_view text) {
  unsigned number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || at != text.data() + text.size() || number > 7 * 86400U)
    return fail(Failure::invalid, "a digest is a number of seconds, 0 to 604800");
  return std::chrono::seconds(number);
}

// None: what is there makes no subscription.
std::optional<PushSubscription> subscription_from(AccountId account, const std::string& device,
                                                  const Entries& entries) {
  PushSubscription out;
  out.account = account;
  out.device = device;
  out.by_user = true;
  const auto text = [&](const char* name) -> std::optional<std::string> {
    const auto at = entries.find(name);
    return at == entries.end() ? std::nullopt : std::optional(at->second);
  };
  const auto webhook = text("webhook");
  const auto pap = text("pap");
  if (webhook.has_value() == pap.has_value()) return std::nullopt;
  out.sink = webhook ? PushSink::webhook : PushSink::pap;
  out.url = webhook ? *webhook : *pap;
  if (webhook) out.secret = text("secret");
  if (pap) out.target = text("target");
  out.mailbox = text("mailbox");
  if (const auto events = text("events")) {
    const auto parsed = parse_push_events(*events);
    if (!parsed) return std::nullopt;
    out.events = *parsed;
  }
  if (const auto kinds = text("kinds")) {
    auto parsed = parse_object_kinds(*kinds);
    if (!parsed) return std::nullopt;
    out.kinds = std::move(*parsed);
  }
  if (const auto digest = text("digest")) {
    const auto parsed = parse_digest(*digest);
    if (!parsed) return std::nullopt;
    out.digest = *parsed;
  }
  return out;
}

bool same(Transaction& tx, const PushSubscription& wanted) {
  std::optional<std::string> kinds;
  if (!wanted.kinds.empty()) {
    std::vector<std::uint32_t> numbers;
    for (const ObjectKind kind : wanted.kinds) numbers.push_back(static_cast<std::uint32_t>(kind));
    kinds = array(std::span<const std::uint32_t>(numbers));
  }
  return tx.exec(kSame, wanted.account.value, wanted.device, static_cast<int>(wanted.sink), wanted.events,
                 wanted.digest.count(), wanted.url, wanted.secret, wanted.target, wanted.mailbox, kinds)[0][0]
             .as<int>() > 0;
}

bool one_line(std::string_view value) {
  return !value.empty() && value.size() <= kMostHttpUrlOctets &&
         std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

Result<void> check_push_entry(std::string_view name, std::string_view value) {
  const auto slash = name.find('/');
  CPM_CHECK(push_device_name(name.substr(0, slash)));
  const std::string_view what = slash == std::string_view::npos ? std::string_view{} : name.substr(slash + 1);
  if (what == "webhook" || what == "pap") {
    CPM_CHECK(parse_http_url(value));
  } else if (what == "events") {
    CPM_CHECK(parse_push_events(value));
  } else if (what == "kinds") {
    CPM_CHECK(parse_object_kinds(value));
  } else if (what == "digest") {
    CPM_CHECK(parse_digest(value));
  } else if (what == "secret" || what == "target" || what == "mailbox") {
    if (!one_line(value) || value.size() > 1000)
      return fail(Failure::invalid, "That value is one line of 1 to 1000 octets");
  } else {
    return fail(Failure::invalid,
                "Of a device there is webhook or pap, secret, target, events, mailbox, kinds, digest");
  }
  return {};
}

Result<void> sync_push(Transaction& tx, AccountId account, const Limits& limits) {
  std::string end(kPushEntries);
  ++end.back();
  std::map<std::string, Entries> devices;
  for (const auto& row : tx.exec(kEntries, account.value, kPushEntries, end)) {
    const std::string name = row[0].c_str();
    const auto slash = name.find('/');
    if (slash == std::string::npos || !check_push_entry(name, row[1].c_str())) continue;
    devices[name.substr(0, slash)][name.substr(slash + 1)] = row[1].c_str();
  }
  std::map<std::string, PushSubscription> wanted;
  for (const auto& [device, entries] : devices) {
    if (auto one = subscription_from(account, device, entries)) wanted.emplace(device, std::move(*one));
  }
  CPM_TRY(present, list_push(tx, account, {}));
  for (const PushSubscription& one : present) {
    if (!one.by_user) continue;
    const auto at = wanted.find(one.device);
    if (at != wanted.end() && same(tx, at->second)) {
      wanted.erase(at);
      continue;
    }
    CPM_CHECK(remove_push(tx, one));
  }
  for (auto& [device, one] : wanted) CPM_CHECK(add_push(tx, one, limits));
  return {};
}

}  // namespace cpm::schema
