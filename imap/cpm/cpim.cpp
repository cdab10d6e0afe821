#include "imap/cpm/cpim.h"

#include "imap/cpm/text.h"
#include "imap/mime/header.h"

#include <algorithm>
#include <array>
#include <map>

namespace cpm::imap::cpm_objects {

namespace {

constexpr std::size_t kMostHeaders = 200;
// Parts of a wrapped multipart are looked for in so many octets: more than an MMS has.
constexpr std::uint64_t kEntityOctets = 2 * 1024 * 1024;

// A header in memory, then a range of other octets.
class Joined final : public ByteSource {
 public:
  Joined(std::string head, ByteSource& tail, std::uint64_t begin, std::uint64_t end)
      : head_(std::move(head)), tail_(tail), begin_(begin), end_(std::max(begin, end)) {}

  [[nodiscard]] std::uint64_t size() const override { return head_.size() + (end_ - begin_); }
  std::size_t read(std::uint64_t offset, char* to, std::size_t length) override {
    if (offset < head_.size()) return MemorySource(head_).read(offset, to, length);
    const std::uint64_t at = begin_ + (offset - head_.size());
    if (at >= end_) return 0;
    return tail_.read(at, to, static_cast<std::size_t>(std::min<std::uint64_t>(length, end_ - at)));
  }

 private:
  std::string head_;
  ByteSource& tail_;
  std::uint64_t begin_;
  std::uint64_t end_;
};

class Owned final : public ByteSource {
 public:
  explicit Owned(std::string octets) : octets_(std::move(octets)) {}
  [[nodiscard]] std::uint64_t size() const override { return octets_.size(); }
  std::size_t read(std::uint64_t offset, char* to, std::size_t length) override {
    return MemorySource(octets_).read(offset, to, length);
  }

 private:
  std::string octets_;
};

// The line at `at` without its line end; `at` moves behind it.
std::string_view next_line(std::string_view text, std::size_t& at) {
  const auto lf = text.find('\n', at);
  std::string_view line = text.substr(at, lf == std::string_view::npos ? lf : lf - at);
  at = lf == std::string_view::npos ? text.size() : lf + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_folded(std::string_view line) { return line.starts_with(' ') || line.starts_with('\t'); }

// The name of the header that a line begins, empty if it begins none.
std::string_view name_of(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  std::string_view name = line.substr(0, colon);
  while (name.ends_with(' ') || name.ends_with('\t')) name.remove_suffix(1);
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  return plain ? name : std::string_view{};
}

// A line of the content's MIME header (RFC 3862 2.4: at least Content-type).
bool is_mime(std::string_view line) {
  const std::string_view name = name_of(line);
  return (name.size() > 8 && mime::equals_ignore_case(name.substr(0, 8), "content-")) ||
         mime::equals_ignore_case(name, "mime-version");
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0U | code >> 6);
    out += static_cast<char>(0x80U | (code & 0x3fU));
  } else {
    out += static_cast<char>(0xe0U | code >> 12);
    out += static_cast<char>(0x80U | (code >> 6 & 0x3fU));
    out += static_cast<char>(0x80U | (code & 0x3fU));
  }
}

// RFC 3862 2.3: \uxxxx, \b \t \n \r \" \' \\. Anything else behind a backslash stays as it is.
std::string unescape(std::string_view value) {
  static constexpr std::array<std::pair<char, char>, 7> kEscapes = {
      {{'b', '\b'}, {'t', '\t'}, {'n', '\n'}, {'r', '\r'}, {'"', '"'}, {'\'', '\''}, {'\\', '\\'}}};
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\' || i + 1 == value.size()) {
      out += value[i];
      continue;
    }
    if (value[i + 1] == 'u' && i + 5 < value.size()) {
      int code = 0;
      for (std::size_t k = i + 2; k < i + 6; ++k) code = code < 0 || hex(value[k]) < 0 ? -1 : code * 16 + hex(value[k]);
      if (code > 0 && (code < 0xd800 || code > 0xdfff)) {
        append_utf8(out, static_cast<unsigned>(code));
        i += 5;
        continue;
      }
    }
    const auto escape =
        std::find_if(kEscapes.begin(), kEscapes.end(), [&](const auto& e) { return e.first == value[i + 1]; });
    if (escape == kEscapes.end()) {
      out += value[i];
    } else {
      out += escape->second;
      ++i;
    }
  }
  return out;
}

// "Subject:;lang=fr Objet" (RFC 3862 3.3).
std::string_view without_language(std::string_view value) {
  if (!value.starts_with(';')) return value;
  const auto blank = value.find(' ');
  return blank == std::string_view::npos ? std::string_view{} : trim(value.substr(blank));
}

// Prefixes as NS headers define them (RFC 3862 3.4). "imdn" is taken for what it always is when nothing says so.
class Namespaces {
 public:
  void define(std::string_view value) {  // "imdn <urn:ietf:params:imdn>"
    const auto open = value.find('<');
    if (open == std::string_view::npos) return;
    const std::string_view uri = value.substr(open + 1);
    spaces_[std::string(trim(value.substr(0, open)))] = uri.substr(0, uri.find('>'));
  }
  // Splits off the prefix of `name`.
  std::string resolve(std::string_view& name) const {
    const auto dot = name.find('.');
    const std::string prefix(dot == std::string_view::npos ? std::string_view{} : name.substr(0, dot));
    if (dot != std::string_view::npos) name.remove_prefix(dot + 1);
    const auto found = spaces_.find(prefix);
    if (found != spaces_.end()) return found->second == "urn:ietf:params:cpim-headers:" ? std::string() : found->second;
    return mime::equals_ignore_case(prefix, "imdn") ? std::string(kImdnNamespace) : prefix;
  }

 private:
  std::map<std::string, std::string, std::less<>> spaces_;
};

CpimHeader make_header(std::string_view name, std::string_view value, const Namespaces& spaces) {
  CpimHeader header;
  header.space = spaces.resolve(name);
  header.name = name;
  header.value = unescape(without_language(value));
  return header;
}

}  // namespace

Cpim::Cpim(ByteSource& octets, const mime::Part& part) {
  const bool plain = part.encoding == mime::Encoding::identity || part.encoding == mime::Encoding::unknown;
  std::string text = read_body(octets, part);
  read(text);
  // As a whole entity with a well-formed header, whatever the original looked like.
  std::string head = content_header_;
  if (!head.empty()) head += "\r\n";
  head += "\r\n";
  ByteSource* body = &octets;
  std::uint64_t begin = part.body_begin + content_begin_;
  std::uint64_t end = part.body_end;
  if (!plain) {
    decoded_ = std::make_unique<Owned>(std::move(text));
    body = decoded_.get();
    begin = content_begin_;
    end = body->size();
  }
  entity_ = std::make_unique<Joined>(head, *body, begin, end);
  Limits limits;
  limits.mime_parts = 100;
  limits.mime_nesting = 10;
  Joined beginning(std::move(head), *body, begin, std::min(end, begin + kEntityOctets));
  content_ = mime::parse_structure(beginning, limits);
  known_to_ = beginning.size();
  if (content_.kind != mime::Kind::leaf) return;
  content_.body_end = entity_->size();
  known_to_ = entity_->size() + 1;
}

Cpim::~Cpim() = default;

void Cpim::read(std::string_view text) {
  std::size_t at = 0;
  Namespaces spaces;
  std::string name;
  std::string value;
  const auto keep = [&] {
    if (!name.empty() && headers_.size() < kMostHeaders) {
      if (mime::equals_ignore_case(name, "NS")) spaces.define(value);
      headers_.push_back(make_header(name, trim(value), spaces));
    }
    name.clear();
  };
  // Message headers, up to a blank line or the first line of a MIME header. Blank lines before them are strays.
  bool begun = false;
  while (at < text.size()) {
    std::size_t behind = at;
    const std::string_view line = next_line(text, behind);
    if (is_mime(line) || (begun && line.empty())) break;
    at = behind;
    if (line.empty()) continue;
    begun = true;
    if (is_folded(line) && !name.empty()) {
      value += line;
    } else {
      keep();
      name = name_of(line);
      value = name.empty() ? std::string_view{} : line.substr(line.find(':') + 1);
    }
  }
  keep();
  // Blank lines: one as it should be; more of them only when a MIME header stands behind.
  std::size_t first = at;
  for (std::size_t probe = at; probe < text.size();) {
    const std::size_t begin = probe;
    const std::string_view line = next_line(text, probe);
    if (is_mime(line)) {
      first = begin;
      break;
    }
    if (!line.empty()) break;
    if (begin == at) first = probe;
  }
  at = first;
  // The MIME header, up to a blank line or what cannot belong to it.
  bool in_header = false;
  while (at < text.size()) {
    std::size_t behind = at;
    const std::string_view line = next_line(text, behind);
    const bool field = in_header ? is_folded(line) || !name_of(line).empty() : is_mime(line);
    if (line.empty()) at = behind;
    if (!field) break;
    in_header = true;
    at = behind;
    if (!content_header_.empty()) content_header_ += "\r\n";
    content_header_ += line;
  }
  content_begin_ = at;
  if (const auto type = mime::find_field(content_header_, "Content-Type")) content_type_ = mime::unfold(type->value);
}

std::string_view Cpim::value(std::string_view name, std::string_view space) const {
  for (const CpimHeader& header : headers_)
    if (header.space == space && mime::equals_ignore_case(header.name, name)) return header.value;
  return {};
}

std::string Cpim::list(std::string_view name) const {
  std::string all;
  for (const CpimHeader& header : headers_) {
    if (!header.space.empty() || !mime::equals_ignore_case(header.name, name)) continue;
    if (!all.empty()) all += ", ";
    all += header.value;
  }
  return all;
}

ByteSource& Cpim::content_octets() const { return *entity_; }

}  // namespace cpm::imap::cpm_objects
