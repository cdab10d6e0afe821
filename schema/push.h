// Push: which events there are, and who wants to be told of them: devices of an account, or a service for all whom it
// may act for (docs/push.md). What is to be told is written by outbox_add_v1 (migrations) in the transaction of the
// change; outbox.h takes it from there.
// Runs on: db thread; the names of events and kinds anywhere.
#pragma once

#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "schema/object_facts.h"
#include "schema/query.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

// Persistent numbers.
enum class PushEvent : std::int16_t {
  test = 0,  // by hand; no subscription asks for it
  message_new = 1,
  message_expunge = 2,
  flags_change = 3,
  mailbox_create = 4,
  mailbox_rename = 5,
  mailbox_delete = 6,
  quota_warning = 7,
  quota_exceed = 8,
  quota_within = 9,
  acl_change = 10,
  acl_expired = 11,
  expired_deferred_stored = 12,
  login_new_device = 13,
};

struct PushEventName {
  PushEvent event;
  std::string_view name;  // "MessageNew"
};
[[nodiscard]] std::span<const PushEventName> push_event_names() noexcept;
[[nodiscard]] std::string_view push_event_name(PushEvent event) noexcept;
// "MessageNew,QuotaExceed" or "all", without regard to case. Failure::invalid names the wrong one.
[[nodiscard]] Result<std::uint32_t> parse_push_events(std::string_view text);
[[nodiscard]] std::string push_events_text(std::uint32_t events);
inline constexpr std::uint32_t kUsualPushEvents = 1U << 1 | 1U << 8 | 1U << 9 | 1U << 12;  // when none are named

[[nodiscard]] std::string_view object_kind_name(ObjectKind kind) noexcept;  // "chat-message"
[[nodiscard]] Result<std::vector<ObjectKind>> parse_object_kinds(std::string_view text);
// "1,2", as the database writes smallint[].
[[nodiscard]] std::vector<ObjectKind> kinds_from_numbers(std::string_view numbers);
[[nodiscard]] std::string object_kinds_text(std::span<const ObjectKind> kinds);

enum class PushSink : std::int16_t { webhook = 1, pap = 2 };

struct PushSubscription {
  std::int64_t id = 0;
  AccountId account;    // none: of a service
  std::string service;  // its name; empty: of an account
  std::string device;   // unique in the account or service
  PushSink sink = PushSink::webhook;
  bool by_user = false;  // made over IMAP: the policy `notify` is asked
  std::uint32_t events = kUsualPushEvents;
  std::chrono::seconds digest{0};  // 0: at once
  std::string url;
  std::optional<std::string> secret;   // signs; webhooks only
  std::optional<std::string> target;   // address at the push proxy gateway
  std::optional<std::string> mailbox;  // this one and what is below
  std::vector<ObjectKind> kinds;       // empty: all
};

// 1 to 100 of A-Z a-z 0-9 . _ -
[[nodiscard]] Result<std::string> push_device_name(std::string_view text);

// Failure::exists, limit, invalid (URL), not_found (no such service). Sets `id`.
[[nodiscard]] Result<void> add_push(Transaction& tx, PushSubscription& subscription, const Limits& limits);
// Of an account, or (none) of a service; both empty: all of all services. By device.
[[nodiscard]] Result<std::vector<PushSubscription>> list_push(Transaction& tx, AccountId account,
                                                              std::string_view service);
[[nodiscard]] Result<PushSubscription> find_push(Transaction& tx, AccountId account, std::string_view service,
                                                 std::string_view device);
// With what was still to be told; dead letters too.
[[nodiscard]] Result<void> remove_push(Transaction& tx, const PushSubscription& subscription);

// Subscriptions that the user writes as annotations: /private/vendor/cpmstore/push/DEVICE/NAME.
inline constexpr std::string_view kPushEntries = "/private/vendor/cpmstore/push/";
// Whether a value may stand there; `name` is DEVICE/NAME.
[[nodiscard]] Result<void> check_push_entry(std::string_view name, std::string_view value);
// Makes the rows what the annotations say. Failure::limit, exists (the provider has a device of that name).
[[nodiscard]] Result<void> sync_push(Transaction& tx, AccountId account, const Limits& limits);

}  // namespace cpm::schema
