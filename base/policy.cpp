#include "base/policy.h"

#include "base/config_value.h"

#include <algorithm>

namespace cpm {

namespace {

using Table = std::vector<PolicyKey>;

constexpr std::string_view kForever = "forever";
constexpr std::uint64_t kDay = 86400, kWeek = 7 * kDay;
constexpr std::uint64_t kLongest = 36500 * kDay;

void retention(Table& table, std::string name, std::string help) {
  table.push_back({std::string(kRetentionPrefix) + std::move(name),
                   PolicyType::period_or_never,
                   std::string(kForever),
                   1,
                   kLongest,
                   {},
                   std::move(help)});
}

void flag(Table& table, std::string name, bool fallback, std::string help) {
  table.push_back({std::move(name), PolicyType::flag, fallback ? "on" : "off", 0, 0, {}, std::move(help)});
}

void choice(Table& table, std::string name, std::vector<std::string> choices, std::string help) {
  std::string fallback = choices.front();
  table.push_back(
      {std::move(name), PolicyType::choice, std::move(fallback), 0, 0, std::move(choices), std::move(help)});
}

void period(Table& table, std::string name, std::string fallback, std::uint64_t minimum, std::uint64_t maximum,
            std::string help) {
  table.push_back({std::move(name), PolicyType::period, std::move(fallback), minimum, maximum, {}, std::move(help)});
}

// An upgrade must delete nothing and change nothing: every default is what a store does without policies.
Table make_table() {
  Table t;
  retention(t, "inbox", "how long messages stay in INBOX after they came into it");
  retention(t, "conversations", "the same in conversation histories: children of the mailboxes named by cpm.roots");
  retention(t, "sessions", "the same in session histories: below a conversation history");
  retention(t, "folders", "the same in all other mailboxes");
  retention(t, "deleted",
            "how long a message stays that has \\Deleted, in any mailbox; some weeks, or devices that are "
            "rarely online miss deletions");
  flag(t, "store.messages", true, "standalone messages are stored");
  flag(t, "store.sessions", true, "chat sessions are stored");
  flag(t, "store.notifications", true, "disposition notifications are stored");
  flag(t, "store.file-transfers", true, "file transfers are stored");
  flag(t, "store.group-state", true, "group state objects are stored");
  choice(t, "store.deferred", {"store", "discard"}, "what becomes of a deferred message that expires");
  choice(t, "store.unavailable", {"store", "keep"},
         "a message or file for a user who is away: store it here at once, or keep it and deliver it later");
  t.push_back({"store.expiry",
               PolicyType::period_or_never,
               std::string(kForever),
               60,
               kLongest,
               {},
               "the longest that a message may be deferred, whatever its sender asked for"});
  flag(t, "sync.automatic", true, "clients synchronise by themselves, not only when asked to");
  period(t, "sync.interval", "2m", 10, 7 * kDay, "how often a client without a standing connection synchronises");
  t.push_back({"sync.window",
               PolicyType::period_or_never,
               std::string(kForever),
               kDay,
               kLongest,
               {},
               "how far back a client synchronises"});
  choice(t, "sync.media", {"always", "free", "ask"},
         "when clients download media: always, where it costs nothing, or when the user asks");
  flag(t, "sync.suppress-deleted", false,
       "what was deleted on a device alone does not come back to it by itself (MSS-55)");
  flag(
      t, "notify", true,
      "devices that the user names are told of events (/private/vendor/cpmstore/push); what the provider set up is not "
      "asked");
  choice(t, "convert.image", {"image/jpeg", "image/png", "image/webp"},
         "what pictures become when a client leaves the choice to the server (CONVERT with NIL)");
  choice(t, "convert.pixels", {"any", "128", "256", "320", "480", "640", "800", "1024", "1280", "1600", "2048"},
         "the longer side of what such a conversion makes of a picture or a video");
  choice(t, "convert.prepare", {"off", "thumbnails"},
         "what is made of a message when it is stored: nothing, or small pictures of what is in it");
  choice(t, "audit.reads", {"off", "select", "fetch"},
         "which reading is recorded beside changes: none, the opening of mailboxes, or the download of messages too");
  return t;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::optional<std::uint64_t> parse_period(std::string_view text) {
  std::uint64_t factor = 1;
  if (text.ends_with('d')) factor = kDay;
  if (text.ends_with('w')) factor = kWeek;
  if (factor == 1) return parse_duration(text);
  const auto number = parse_number(text.substr(0, text.size() - 1));
  if (!number || *number > kLongest) return std::nullopt;
  return *number * factor;
}

std::string format_period(std::uint64_t seconds) {
  if (seconds != 0 && seconds % kDay == 0) return std::to_string(seconds / kDay) + 'd';
  const std::string text = format_duration(seconds);
  return text.back() >= '0' && text.back() <= '9' ? text + 's' : text;
}

}  // namespace

const std::vector<PolicyKey>& policy_table() {
  static const Table table = make_table();
  return table;
}

const PolicyKey* find_policy(std::string_view name) {
  const std::string wanted = lower(name);
  const auto& table = policy_table();
  const auto at = std::find_if(table.begin(), table.end(), [&](const PolicyKey& key) { return key.name == wanted; });
  return at == table.end() ? nullptr : &*at;
}

Result<std::string> canonical_policy(const PolicyKey& key, std::string_view value) {
  const std::string text = lower(value);
  const auto refused = [&] {
    return fail(Failure::invalid, key.name + " cannot have this value; allowed: " + allowed_values(key));
  };
  switch (key.type) {
    case PolicyType::flag: {
      const auto on = parse_flag(text);
      if (!on) return refused();
      return std::string(*on ? "on" : "off");
    }
    case PolicyType::choice:
      if (std::find(key.choices.begin(), key.choices.end(), text) == key.choices.end()) return refused();
      return text;
    case PolicyType::period_or_never:
      if (text == kForever) return text;
      [[fallthrough]];
    case PolicyType::period: {
      const auto seconds = parse_period(text);
      if (!seconds || *seconds < key.minimum || *seconds > key.maximum) return refused();
      return format_period(*seconds);
    }
  }
  return refused();
}

std::string allowed_values(const PolicyKey& key) {
  switch (key.type) {
    case PolicyType::flag: return "on, off";
    case PolicyType::choice: {
      std::string text;
      for (const std::string& one : key.choices) text += (text.empty() ? "" : ", ") + one;
      return text;
    }
    case PolicyType::period:
    case PolicyType::period_or_never: break;
  }
  const std::string range =
      format_period(key.minimum) + " to " + format_period(key.maximum) + " (a number with s, m, h, d or w)";
  return key.type == PolicyType::period_or_never ? std::string(kForever) + ", or " + range : range;
}

std::optional<std::chrono::seconds> policy_period(std::string_view value) {
  const auto seconds = parse_period(value);
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

}  // namespace cpm
