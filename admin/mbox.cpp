#include "admin/mbox.h"

#include "imap/mime/header.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <vector>

namespace cpm::admin {

namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::size_t kLineLimit = 64 * 1024;     // longer lines pass in pieces
constexpr std::size_t kHeaderLimit = 256 * 1024;  // of the header that is searched for Status

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (at < line.size()) {
    const std::size_t begin = line.find_first_not_of(" \t", at);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    at = end;
  }
  return words;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "10:22" or "10:22:33" in seconds.
std::optional<int> time_of_day(std::string_view text) {
  if ((text.size() != 5 && text.size() != 8) || text[2] != ':' || (text.size() == 8 && text[5] != ':'))
    return std::nullopt;
  const auto hours = number(text.substr(0, 2));
  const auto minutes = number(text.substr(3, 2));
  const auto seconds = text.size() == 8 ? number(text.substr(6, 2)) : std::optional(0);
  if (!hours || !minutes || !seconds || *hours < 0 || *hours > 23 || *minutes < 0 || *minutes > 59 || *seconds < 0 ||
      *seconds > 60) {
    return std::nullopt;
  }
  return *hours * 3600 + *minutes * 60 + *seconds;
}

// "+0100" in seconds.
std::optional<int> zone(std::string_view text) {
  if (text.size() != 5 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const auto value = number(text.substr(1));
  if (!value) return std::nullopt;
  return (*value / 100 * 3600 + *value % 100 * 60) * (text[0] == '-' ? -1 : 1);
}

class MboxSource final : public ImportSource {
 public:
  MboxSource(const std::string& path, std::uint64_t size, const Limits& limits)
      : path_(path), size_(size), limits_(limits), file_(path, std::ios::binary), block_(kLineLimit) {}

  bool next(ImportItem& item) override;
  [[nodiscard]] std::uint64_t done() const override { return read_; }
  [[nodiscard]] std::uint64_t total() const override { return size_; }

 private:
  // A line with its LF, or a piece of a long one. False at the end.
  bool line(std::string& to);
  void keep(ImportItem& item, LineEnds& ends, std::string_view text);

  const std::string path_;
  const std::uint64_t size_;
  const Limits& limits_;
  std::ifstream file_;
  std::vector<char> block_;
  std::size_t at_ = 0, filled_ = 0;
  std::uint64_t read_ = 0;
  std::size_t count_ = 0;
  std::optional<FromLine> from_;  // of the message that comes next
  std::string header_;            // of the message being read, as far as it is kept
};

bool MboxSource::line(std::string& to) {
  to.clear();
  while (to.size() < kLineLimit) {
    if (at_ == filled_) {
      file_.read(block_.data(), static_cast<std::streamsize>(block_.size()));
      filled_ = static_cast<std::size_t>(file_.gcount());
      at_ = 0;
      if (filled_ == 0) break;
    }
    const std::string_view rest(block_.data() + at_, filled_ - at_);
    const std::size_t end = rest.find('\n');
    const std::size_t taken = end == std::string_view::npos ? rest.size() : end + 1;
    to.append(rest.substr(0, taken));
    at_ += taken;
    read_ += taken;
    if (end != std::string_view::npos) break;
  }
  return !to.empty();
}

void MboxSource::keep(ImportItem& item, LineEnds& ends, std::string_view text) {
  if (!item.skipped.empty()) return;
  if (item.octets->size() + text.size() > limits_.message_octets) {
    item.skipped = "larger than limits.message_octets";
    item.octets.reset();
    return;
  }
  if (const auto done = ends.write(text); !done) {
    item.skipped = done.error().text;
    item.octets.reset();
  }
}

bool MboxSource::next(ImportItem& item) {
  std::string text;
  while (!from_) {  // the very first line; later ones were found by the message before
    if (!line(text)) return false;
    std::string_view bare(text);
    while (bare.ends_with('\n') || bare.ends_with('\r')) bare.remove_suffix(1);
    from_ = parse_from_line(bare);
    // Whatever it holds: a file that begins with "From " begins with a separator.
    if (!from_ && bare.starts_with("From ")) from_ = FromLine{};
  }
  item = {};
  item.where = path_ + " message " + std::to_string(++count_);
  item.date = from_->date;
  item.octets = std::make_shared<Spool>(limits_);
  from_.reset();
  auto spool = item.octets;
  LineEnds ends(*spool);
  header_.clear();
  bool in_header = true, line_start = true, ends_header = false;
  std::string blank;  // an empty line that may belong to the separator
  while (line(text)) {
    const bool ended = text.back() == '\n';
    std::string_view bare(text);
    if (ended) bare.remove_suffix(1);
    if (bare.ends_with('\r') && ended) bare.remove_suffix(1);
    if (line_start && (!blank.empty() || spool->size() == 0)) {
      from_ = parse_from_line(bare);
      if (from_) break;
    }
    keep(item, ends, blank);
    blank.clear();
    ends_header = false;
    if (line_start && bare.empty() && ended) {
      blank = text;
      ends_header = in_header;
      in_header = false;
    } else {
      std::string_view shown(text);
      if (line_start && has_quote(bare)) shown.remove_prefix(1);
      keep(item, ends, shown);
      if (in_header && header_.size() + text.size() < kHeaderLimit) header_ += text;
    }
    line_start = ended;
  }
  // The last empty line is the separator's, unless it is the one that ends the header.
  if (!blank.empty() && ends_header) keep(item, ends, blank);
  if (item.skipped.empty() && spool->size() == 0) item.skipped = "the message is empty";
  item.flags = status_flags(header_);
  return true;
}

}  // namespace

std::optional<FromLine> parse_from_line(std::string_view line) {
  if (!line.starts_with("From ")) return std::nullopt;
  const auto words = words_of(line.substr(5));
  std::optional<int> day, year, seconds, offset;
  std::optional<unsigned> month;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (const auto time = time_of_day(words[i])) seconds = time;
    if (const auto shift = zone(words[i])) offset = shift;
    for (unsigned m = 0; m < kMonths.size(); ++m) {
      if (words[i] == kMonths[m]) month = m + 1;
    }
    const auto value = number(words[i]);
    if (value && words[i].size() == 4 && *value >= 1970) year = value;
    if (value && words[i].size() <= 2 && *value >= 1 && *value <= 31 && month) day = value;
  }
  if (!seconds || !year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  FromLine found;
  found.sender = words.front();
  found.date = std::chrono::sys_days(date) + std::chrono::seconds(*seconds - offset.value_or(0));
  return found;
}

std::string from_line(std::string_view sender, std::chrono::sys_seconds date) {
  std::string name(sender);
  if (name.empty() || name.find_first_of(" \t\r\n") != std::string::npos) name = "MAILER-DAEMON";
  const std::time_t seconds = date.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S %Y", &parts);
  return "From " + name + " " + text.data() + "\n";
}

bool needs_quote(std::string_view line) noexcept {
  const std::size_t first = line.find_first_not_of('>');
  return first != std::string_view::npos && line.substr(first).starts_with("From ");
}

bool has_quote(std::string_view line) noexcept { return line.starts_with('>') && needs_quote(line); }

schema::FlagSet status_flags(std::string_view header_block) {
  schema::FlagSet flags;
  for (const auto& field : imap::mime::header_fields(header_block)) {
    if (!imap::mime::equals_ignore_case(field.name, "Status") &&
        !imap::mime::equals_ignore_case(field.name, "X-Status"))
      continue;
    for (const char c : field.value) {
      if (c == 'R') flags.bits |= schema::kSeen;
      if (c == 'A') flags.bits |= schema::kAnswered;
      if (c == 'F') flags.bits |= schema::kFlagged;
      if (c == 'T') flags.bits |= schema::kDraft;
      if (c == 'D') flags.bits |= schema::kDeleted;
    }
  }
  return flags;
}

Result<std::unique_ptr<ImportSource>> open_mbox(const std::string& path, const Limits& limits) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return fail(Failure::denied, path + " cannot be read: " + error.message());
  return std::unique_ptr<ImportSource>(new MboxSource(path, size, limits));
}

}  // namespace cpm::admin
