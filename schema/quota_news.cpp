#include "schema/quota_news.h"

#include <charconv>

namespace cpm::schema {

namespace {

// The number behind `word` in `text`; 0 when there is none.
std::int64_t number_after(std::string_view text, std::string_view word) noexcept {
  const std::size_t at = text.find(word);
  if (at == std::string_view::npos) return 0;
  std::int64_t value = 0;
  std::from_chars(text.data() + at + word.size(), text.data() + text.size(), value);
  return value;
}

QuotaPlace place(std::string_view text) noexcept {
  return {AccountId{number_after(text, "of account ")}, static_cast<std::int32_t>(number_after(text, "root "))};
}

}  // namespace

void read_quota_notice(std::string_view message, QuotaNews& news) noexcept {
  const std::size_t at = message.find("quota level ");
  if (at == std::string_view::npos) return;
  const std::string_view text = message.substr(at);
  const auto level = static_cast<int>(number_after(text, "quota level "));
  if (level <= news.level) return;
  news.level = level;
  news.reached = place(text);
}

std::optional<QuotaPlace> refused_quota(std::string_view message) noexcept {
  const std::size_t at = message.find("quota of account ");
  if (at == std::string_view::npos) return std::nullopt;
  return place(message.substr(at));
}

}  // namespace cpm::schema
