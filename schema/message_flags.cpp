#include "schema/message_flags.h"

#include <algorithm>
#include <array>

namespace cpm::schema {

namespace {

constexpr std::array<FlagName, 14> kNames{{
    {kAnswered, "\\Answered"},
    {kFlagged, "\\Flagged"},
    {kDeleted, "\\Deleted"},
    {kSeen, "\\Seen"},
    {kDraft, "\\Draft"},
    {kReadReportSent, "\\read-report-sent"},
    {kForwarded, "$Forwarded"},
    {kMdnSent, "$MDNSent"},
    {kJunk, "$Junk"},
    {kNotJunk, "$NotJunk"},
    {kPhishing, "$Phishing"},
    {kImportant, "$Important"},
    {kSubmitted, "$Submitted"},
    {kSubmitPending, "$SubmitPending"},
}};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::span<const FlagName> flag_names() noexcept { return kNames; }

std::uint32_t flag_bit(std::string_view name) noexcept {
  const auto found =
      std::find_if(kNames.begin(), kNames.end(), [name](const FlagName& flag) { return same(flag.name, name); });
  return found == kNames.end() ? 0 : found->bit;
}

void KeywordTable::add(KeywordId id, std::string name) {
  const auto place =
      std::lower_bound(entries_.begin(), entries_.end(), id, [](const Entry& e, KeywordId i) { return e.id < i; });
  if (place != entries_.end() && place->id == id) {
    place->name = std::move(name);
  } else {
    entries_.insert(place, Entry{id, std::move(name)});
  }
}

std::optional<KeywordId> KeywordTable::find(std::string_view name) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [name](const Entry& e) { return same(e.name, name); });
  return found == entries_.end() ? std::nullopt : std::optional(found->id);
}

const std::string* KeywordTable::name(KeywordId id) const {
  const auto place =
      std::lower_bound(entries_.begin(), entries_.end(), id, [](const Entry& e, KeywordId i) { return e.id < i; });
  return place != entries_.end() && place->id == id ? &place->name : nullptr;
}

}  // namespace cpm::schema
