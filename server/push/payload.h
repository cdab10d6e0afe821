// What receivers are told: an event of the outbox as JSON with the names of RFC 5423 (docs/push.md). What the RFC has
// no name for stands below "vnd.cpmstore". Runs on: any thread. Pure.
#pragma once

#include "schema/outbox.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::server::push {

using Json = nlohmann::ordered_json;

struct Names {
  std::string server;    // serverDomain, and the host of IMAP URLs
  std::string url_host;  // of IMAP URLs
};

// What stands in From of an IMAP ENVELOPE (RFC 9051 7.5.2), as user@host; empty when nothing can be read.
[[nodiscard]] std::vector<std::string> senders_in(std::string_view envelope);

// The name of RFC 5423 that fits an event, or one below vnd.cpmstore.
[[nodiscard]] std::string event_name(const schema::OutboxEvent& event, const Json& detail);

// None: nothing in it is of a kind that the subscription wants.
[[nodiscard]] std::optional<Json> event_json(const schema::OutboxEvent& event,
                                             const schema::PushSubscription& subscription, const std::string& address,
                                             const Names& names);

// RFC 3339, in UTC.
[[nodiscard]] std::string timestamp(std::chrono::sys_time<std::chrono::milliseconds> moment);

// "t=SECONDS,v1=HEX" of HMAC-SHA256 over "SECONDS.BODY".
[[nodiscard]] std::string signature(std::string_view secret, std::int64_t seconds, std::string_view body);

// Names an event to a receiver, the same at each attempt.
[[nodiscard]] std::string event_key(std::int64_t event, std::int64_t subscription);

}  // namespace cpm::server::push
