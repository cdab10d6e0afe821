#include "server/push/payload.h"

#include "imap/auth/base64.h"
#include "imap/grammar/imap_url.h"
#include "schema/credentials.h"
#include "schema/message_flags.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <set>

namespace cpm::server::push {

namespace {

using schema::OutboxEvent;
using schema::PushEvent;

constexpr std::string_view kOwn = "vnd.cpmstore";

// -- ENVELOPE

// A value of the stored octets: a string, NIL or a list. Deeper than any envelope is nothing.
struct Node {
  std::optional<std::string> text;
  std::vector<Node> items;
};

class EnvelopeReader {
 public:
  explicit EnvelopeReader(std::string_view text) : text_(text) {}

  std::optional<Node> value(int depth = 0) {
    skip_blanks();
    if (at_ >= text_.size() || depth > 4) return std::nullopt;
    if (text_[at_] == '(') return list(depth);
    if (text_[at_] == '"') return quoted();
    if (text_[at_] == '{' || text_[at_] == '~') return literal();
    while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != '(' && text_[at_] != ')') ++at_;
    return Node{};
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  std::optional<Node> list(int depth) {
    Node out;
    ++at_;
    while (true) {
      skip_blanks();
      if (at_ >= text_.size()) return std::nullopt;
      if (text_[at_] == ')') break;
      auto item = value(depth + 1);
      if (!item) return std::nullopt;
      out.items.push_back(std::move(*item));
    }
    ++at_;
    return out;
  }
  std::optional<Node> quoted() {
    std::string out;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    if (at_ >= text_.size()) return std::nullopt;
    ++at_;
    return Node{std::move(out), {}};
  }
  std::optional<Node> literal() {
    const auto open = text_.find('{', at_);
    const auto close = text_.find('}', at_);
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
    std::size_t size = 0;
    std::from_chars(text_.data() + open + 1, text_.data() + close, size);
    const std::size_t begin = close + 3;  // CR LF
    if (begin > text_.size() || size > text_.size() - begin) return std::nullopt;
    at_ = begin + size;
    return Node{std::string(text_.substr(begin, size)), {}};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// -- pieces

std::string text_of(const Json& detail, const char* name) {
  const auto at = detail.find(name);
  return at != detail.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::optional<std::int64_t> number_of(const Json& detail, const char* name) {
  const auto at = detail.find(name);
  return at != detail.end() && at->is_number() ? std::optional(at->get<std::int64_t>()) : std::nullopt;
}

std::string seconds_text(std::int64_t seconds) {
  std::string text = timestamp(std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::seconds(seconds)));
  return text.erase(text.size() - 5, 4);  // no milliseconds
}

std::string mailbox_url(const Names& names, const std::string& user, const std::string& path,
                        const std::optional<std::int64_t>& validity, const std::optional<std::int64_t>& uid = {}) {
  imap::grammar::ImapUrl url;
  url.has_scheme = true;
  url.server = imap::grammar::UrlServer{user, std::nullopt, names.url_host, std::nullopt};
  if (!path.empty()) url.mailbox = path;
  if (validity) url.uidvalidity = static_cast<std::uint32_t>(*validity);
  if (uid) url.uid = static_cast<std::uint32_t>(*uid);
  return imap::grammar::to_string(url);
}

bool is_of_messages(PushEvent event) {
  return event == PushEvent::message_new || event == PushEvent::expired_deferred_stored;
}

// What came: one object, from what the store knows of it.
Json object_json(const Json& object, const Names& names, const std::string& user, const std::string& path,
                 const std::optional<std::int64_t>& validity) {
  Json out;
  const auto uid = number_of(object, "uid");
  if (uid) {
    out["uid"] = *uid;
    out["uri"] = mailbox_url(names, user, path, validity, uid);
  }
  if (const auto size = number_of(object, "size")) out["messageSize"] = *size;
  if (const auto moment = number_of(object, "internaldate")) out["internalDate"] = seconds_text(*moment);
  if (const auto moment = number_of(object, "sent")) out["date"] = seconds_text(*moment);
  const auto kind = number_of(object, "kind").value_or(0);
  out["kind"] = schema::object_kind_name(static_cast<schema::ObjectKind>(kind));
  if (const auto direction = number_of(object, "direction")) out["direction"] = *direction == 1 ? "sent" : "received";
  std::string from = text_of(object, "sender");
  if (from.empty()) {
    if (const auto envelope = imap::auth::base64_decode(text_of(object, "envelope"))) {
      const auto senders = senders_in(*envelope);
      if (!senders.empty()) from = senders.front();
    }
  }
  if (!from.empty()) out["from"] = from;
  static constexpr std::array<std::pair<const char*, const char*>, 7> kTexts{{{"conversation", "conversation"},
                                                                              {"conversation_id", "conversationID"},
                                                                              {"contribution_id", "contributionID"},
                                                                              {"imdn_id", "imdnMessageID"},
                                                                              {"subject", "subject"},
                                                                              {"file_name", "fileName"},
                                                                              {"file_type", "fileType"}}};
  for (const auto& [key, name] : kTexts) {
    if (std::string text = text_of(object, key); !text.empty()) out[name] = std::move(text);
  }
  if (const auto size = number_of(object, "file_size")) out["fileSize"] = *size;
  if (object.contains("group")) out["group"] = true;
  return out;
}

// The objects that the subscription wants; when others are left out, `uids` becomes the set of those.
std::optional<Json> wanted_objects(const Json& detail, const schema::PushSubscription& subscription,
                                   std::string& uids) {
  Json out = Json::array();
  const auto at = detail.find("objects");
  if (at == detail.end() || !at->is_array()) return out;
  std::string set;
  for (const Json& object : *at) {
    const auto kind = static_cast<schema::ObjectKind>(number_of(object, "kind").value_or(0));
    const auto& kinds = subscription.kinds;
    if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) continue;
    set += (set.empty() ? "" : ",") + std::to_string(number_of(object, "uid").value_or(0));
    out.push_back(object);
  }
  if (out.size() == at->size()) return out;
  if (out.empty()) return std::nullopt;
  uids = set;
  return out;
}

Json flag_names_of(std::int64_t bits) {
  Json names = Json::array();
  for (const schema::FlagName& flag : schema::flag_names()) {
    if ((static_cast<std::uint32_t>(bits) & flag.bit) != 0) names.push_back(flag.name);
  }
  return names;
}

// What a change of flags does to those that have a bit of their own: `keep` and `set` of the detail.
std::pair<std::int64_t, std::int64_t> set_and_cleared(const Json& detail) {
  const std::int64_t all = 0x7fffffff;
  const std::int64_t set = number_of(detail, "set").value_or(0) & all;
  return {set, ~number_of(detail, "keep").value_or(all) & all & ~set};
}

void add_flags(Json& out, Json& own, const Json& detail) {
  const auto [set, cleared] = set_and_cleared(detail);
  Json set_names = flag_names_of(set);
  Json cleared_names = flag_names_of(cleared);
  if (!set_names.empty()) {
    out["flagNames"] = std::move(set_names);
    if (!cleared_names.empty()) own["flagsCleared"] = std::move(cleared_names);
  } else if (!cleared_names.empty()) {
    out["flagNames"] = std::move(cleared_names);
  }
  if (detail.contains("keywords")) own["keywordsChanged"] = true;
}

void add_quota(Json& out, const Json& detail) {
  const std::string resource = text_of(detail, "resource");
  const auto used = number_of(detail, "used");
  const auto limit = number_of(detail, "limit");
  const std::int64_t kilo = 1024;
  if (resource == "STORAGE") {
    if (limit) out["diskQuota"] = (*limit + kilo - 1) / kilo;
    if (used) out["diskUsed"] = (*used + kilo - 1) / kilo;
  } else if (resource == "MESSAGE") {
    if (limit) out["maxMessages"] = *limit;
    if (used) out["messages"] = *used;
  }
}

// What is the store's own business, or is told under another name.
bool is_told_as_it_is(const std::string& key) {
  static const std::set<std::string> kElsewhere{"uids",    "mailbox", "validity", "uidvalidity", "uidnext",  "messages",
                                                "objects", "old",     "from",     "contents",    "session",  "first",
                                                "unseen",  "keep",    "set",      "keywords",    "clientIP", "path"};
  return !kElsewhere.contains(key);
}

}  // namespace

std::vector<std::string> senders_in(std::string_view envelope) {
  std::vector<std::string> out;
  const auto node = EnvelopeReader(envelope).value();
  if (!node || node->items.size() < 3) return out;
  for (const Node& address : node->items[2].items) {
    if (address.items.size() < 4 || !address.items[2].text || !address.items[3].text) continue;
    out.push_back(*address.items[2].text + '@' + *address.items[3].text);
  }
  return out;
}

std::string event_name(const OutboxEvent& event, const Json& detail) {
  switch (event.event) {
    case PushEvent::message_new:
    case PushEvent::message_expunge:
    case PushEvent::mailbox_create:
    case PushEvent::mailbox_rename:
    case PushEvent::mailbox_delete:
    case PushEvent::quota_exceed:
    case PushEvent::quota_within: return std::string(schema::push_event_name(event.event));
    case PushEvent::flags_change: {
      const auto [set, cleared] = set_and_cleared(detail);
      if (detail.contains("keywords") || (set != 0) == (cleared != 0)) break;
      if (cleared != 0) return "FlagsClear";
      return set == schema::kSeen ? "MessageRead" : set == schema::kDeleted ? "MessageTrash" : "FlagsSet";
    }
    default: break;
  }
  return std::string(kOwn) + '.' + std::string(schema::push_event_name(event.event));
}

std::optional<Json> event_json(const OutboxEvent& event, const schema::PushSubscription& subscription,
                               const std::string& address, const Names& names) {
  const Json parsed = Json::parse(event.detail, nullptr, false);
  const Json detail = parsed.is_object() ? parsed : Json::object();
  std::string uids = text_of(detail, "uids");
  const auto objects = wanted_objects(detail, subscription, uids);
  if (!objects) return std::nullopt;
  std::string path = text_of(detail, "mailbox");
  if (path.empty()) path = text_of(detail, "path");
  auto validity = number_of(detail, "uidvalidity");
  if (!validity) validity = number_of(detail, "validity");

  Json out;
  Json own;
  out["event"] = event_name(event, detail);
  out["timestamp"] = timestamp(event.created);
  out["service"] = "imap";
  out["serverDomain"] = names.server;
  out["user"] = address;
  if (!path.empty()) out["mailboxID"] = mailbox_url(names, address, path, validity);
  if (event.event == PushEvent::mailbox_rename) {
    const std::string old = text_of(detail, "old");
    out["oldMailboxID"] = mailbox_url(names, address, old.empty() ? text_of(detail, "from") : old, validity);
  }
  if (!uids.empty()) out["uidset"] = uids;
  if (event.mailbox && event.modseq > 0 && event.modseq < kMaxWireNumber) out["modseq"] = event.modseq;
  if (event.event != PushEvent::mailbox_delete) {
    for (const char* name : {"messages", "uidnext"}) {
      if (const auto number = number_of(detail, name)) out[name] = *number;
    }
  }
  if (event.event == PushEvent::flags_change) add_flags(out, own, detail);
  if (event.event >= PushEvent::quota_warning && event.event <= PushEvent::quota_within) add_quota(out, detail);
  if (event.event == PushEvent::login_new_device) {
    if (std::string ip = text_of(detail, "clientIP"); !ip.empty()) out["clientIP"] = std::move(ip);
  }

  own["id"] = event_key(event.id, subscription.id);
  own["device"] = subscription.device;
  if (const auto unseen = number_of(detail, "unseen")) own["unseen"] = *unseen;
  if (is_of_messages(event.event) && !objects->empty()) {
    Json list = Json::array();
    for (const Json& object : *objects) list.push_back(object_json(object, names, address, path, validity));
    if (list.size() == 1) {
      // RFC 5423: uri names the message that the event is about.
      out["uri"] = list[0].value("uri", "");
      if (list[0].contains("messageSize")) out["messageSize"] = list[0]["messageSize"];
    }
    own["objects"] = std::move(list);
  } else if (!path.empty()) {
    out["uri"] = out["mailboxID"];
  }
  for (const auto& [key, value] : detail.items()) {
    if (is_told_as_it_is(key)) own[key] = value;
  }
  out[std::string(kOwn)] = std::move(own);
  return out;
}

std::string timestamp(std::chrono::sys_time<std::chrono::milliseconds> moment) {
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<std::chrono::milliseconds> time(moment - day);
  std::array<char, 64> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02ld:%02ld:%02ld.%03ldZ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<long>(time.hours().count()), static_cast<long>(time.minutes().count()),
                    static_cast<long>(time.seconds().count()), static_cast<long>(time.subseconds().count()));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

std::string signature(std::string_view secret, std::int64_t seconds, std::string_view body) {
  const std::string moment = std::to_string(seconds);
  const std::string octets = schema::hmac_sha256(secret, moment + '.' + std::string(body));
  std::string out = "t=" + moment + ",v1=";
  static constexpr std::string_view kDigits = "0123456789abcdef";
  for (const unsigned char octet : octets) {
    out += kDigits[octet >> 4U];
    out += kDigits[octet & 15U];
  }
  return out;
}

std::string event_key(std::int64_t event, std::int64_t subscription) {
  std::array<char, 40> text{};
  const int size = std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(event),
                                 static_cast<unsigned long long>(subscription));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

}  // namespace cpm::server::push
