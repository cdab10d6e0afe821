#include "admin/maildir.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace cpm::admin {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kLetters = 26;

struct Letter {
  char letter;
  std::uint32_t bit;
};
constexpr Letter kFlagLetters[] = {{'D', schema::kDraft},    {'F', schema::kFlagged}, {'P', schema::kForwarded},
                                   {'R', schema::kAnswered}, {'S', schema::kSeen},    {'T', schema::kDeleted}};

class MaildirSource final : public ImportSource {
 public:
  MaildirSource(std::vector<std::string> files, std::vector<std::string> keywords, const Limits& limits)
      : files_(std::move(files)), keywords_(std::move(keywords)), limits_(limits) {}

  bool next(ImportItem& item) override {
    if (at_ == files_.size()) return false;
    const std::string& path = files_[at_++];
    item = {};
    item.where = path;
    auto octets = read_message_file(path, limits_);
    if (!octets) {
      item.skipped = octets.error().text;
      return true;
    }
    item.octets = std::move(*octets);
    item.flags = maildir_flags(fs::path(path).filename().string(), keywords_);
    item.date = modified_at(path);
    return true;
  }
  [[nodiscard]] std::uint64_t done() const override { return at_; }
  [[nodiscard]] std::uint64_t total() const override { return files_.size(); }

 private:
  std::vector<std::string> files_;
  std::size_t at_ = 0;
  std::vector<std::string> keywords_;
  const Limits& limits_;
};

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

schema::FlagSet maildir_flags(std::string_view file_name, const std::vector<std::string>& keywords) {
  schema::FlagSet flags;
  const std::size_t colon = file_name.rfind(":2,");
  if (colon == std::string_view::npos) return flags;
  for (const char c : file_name.substr(colon + 3)) {
    for (const Letter& letter : kFlagLetters) {
      if (letter.letter == c) flags.bits |= letter.bit;
    }
    if (c < 'a' || c > 'z') continue;
    const auto index = static_cast<std::size_t>(c - 'a');
    if (index >= keywords.size() || keywords[index].empty()) continue;
    if (const std::uint32_t bit = schema::flag_bit(keywords[index]); bit != 0) {
      flags.bits |= bit;
    } else {
      flags.keywords.push_back(keywords[index]);
    }
  }
  return flags;
}

bool maildir_letters(const schema::FlagSet& flags, std::vector<std::string>& keywords, std::string& letters) {
  letters.clear();
  std::uint32_t plain = 0;
  for (const Letter& letter : kFlagLetters) {
    plain |= letter.bit;
    if ((flags.bits & letter.bit) != 0) letters += letter.letter;
  }
  std::vector<std::string> named = flags.keywords;
  for (const schema::FlagName& name : schema::flag_names()) {
    if ((flags.bits & name.bit & ~plain) != 0) named.emplace_back(name.name);
  }
  bool all = true;
  std::string small;
  for (const std::string& keyword : named) {
    auto at = std::find(keywords.begin(), keywords.end(), keyword);
    if (at == keywords.end()) {
      if (keywords.size() == kLetters) {
        all = false;
        continue;
      }
      keywords.push_back(keyword);
      at = keywords.end() - 1;
    }
    small += static_cast<char>('a' + (at - keywords.begin()));
  }
  std::sort(small.begin(), small.end());
  letters += small;
  return all;
}

std::vector<std::string> parse_keyword_file(std::string_view text) {
  std::vector<std::string> keywords;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) continue;
    std::size_t index = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + blank, index);
    if (error != std::errc() || stop != line.data() + blank || index >= kLetters) continue;
    if (keywords.size() <= index) keywords.resize(index + 1);
    keywords[index] = line.substr(blank + 1);
  }
  return keywords;
}

std::string keyword_file(const std::vector<std::string>& keywords) {
  std::string text;
  for (std::size_t i = 0; i < keywords.size(); ++i) text += std::to_string(i) + " " + keywords[i] + "\n";
  return text;
}

bool natural_less(const std::string& a, const std::string& b) noexcept {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::size_t a_begin = a.find_first_not_of('0', i), b_begin = b.find_first_not_of('0', j);
      std::size_t a_end = std::min(a_begin, a.size()), b_end = std::min(b_begin, b.size());
      const std::size_t a_from = a_end, b_from = b_end;
      while (a_end < a.size() && is_digit(a[a_end])) ++a_end;
      while (b_end < b.size() && is_digit(b[b_end])) ++b_end;
      if (a_end - a_from != b_end - b_from) return a_end - a_from < b_end - b_from;
      const int order = std::string_view(a)
                            .substr(a_from, a_end - a_from)
                            .compare(std::string_view(b).substr(b_from, b_end - b_from));
      if (order != 0) return order < 0;
      i = a_end;
      j = b_end;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  if ((a.size() - i) != (b.size() - j)) return a.size() - i < b.size() - j;
  return a < b;
}

Result<std::unique_ptr<ImportSource>> open_maildir(const std::string& path, const Limits& limits) {
  std::vector<std::string> files;
  for (const char* folder : {"/cur", "/new"}) {
    std::error_code error;
    for (fs::directory_iterator it(path + folder, error), end; it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      std::error_code ignored;
      if (!name.starts_with('.') && !it->is_directory(ignored)) files.push_back(it->path().string());
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      return fail(Failure::denied, path + folder + " cannot be read: " + error.message());
    }
  }
  // Names begin with the time of delivery, so their order is that of arrival, whether in cur or new.
  std::sort(files.begin(), files.end(), [](const std::string& a, const std::string& b) {
    return natural_less(fs::path(a).filename().string(), fs::path(b).filename().string());
  });
  return std::unique_ptr<ImportSource>(
      new MaildirSource(std::move(files), parse_keyword_file(file_text(path + "/dovecot-keywords")), limits));
}

}  // namespace cpm::admin
