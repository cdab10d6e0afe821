#include "imap/deliver/preview.h"

#include "imap/mime/charset.h"
#include "imap/mime/header.h"
#include "imap/mime/part_tree.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

// Without the folder imap/cpm this is a plain mail store.
#if __has_include("imap/cpm/facts.h") && !defined(CPMSTORE_PLAIN)
#include "imap/cpm/facts.h"
#define CPMSTORE_HAS_CPM
#endif

namespace cpm::imap {

namespace {

constexpr std::string_view kVersion = "1";
constexpr std::string_view kVoice = "Voice message";
constexpr std::uint64_t kTextOctets = 64 * 1024;
constexpr std::size_t kEnough = 4 * kPreviewCharacters;  // octets of text that are gathered

bool is_space(char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }

// Appends text with every run of blanks, line ends and control characters as one blank.
void append_collapsed(std::string& out, std::string_view text) {
  bool blank = !out.empty();
  for (const char c : text) {
    if (is_space(c)) {
      blank = !out.empty();
      continue;
    }
    if (blank && !out.empty()) out += ' ';
    blank = false;
    out += c;
  }
}

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
  return line;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool is_quotation(std::string_view line) { return line.starts_with('>'); }

// "On Monday Bob wrote:", "-----Original Message-----"
bool announces_quotation(const std::vector<std::string_view>& lines, std::size_t at) {
  const std::string_view line = trimmed(lines[at]);
  if (line.starts_with("-----") && line.ends_with("-----")) return true;
  std::size_t next = at + 1;
  // The announcement may take two lines.
  const bool ends = line.ends_with(':');
  if (!ends && (next >= lines.size() || !trimmed(lines[next]).ends_with(':'))) return false;
  if (!ends) ++next;
  while (next < lines.size() && trimmed(lines[next]).empty()) ++next;
  return next < lines.size() && is_quotation(lines[next]);
}

std::string flat(std::string_view text) {
  std::string out;
  append_collapsed(out, text);
  return out;
}

struct Entity {
  std::string_view name;
  char32_t character;
};
constexpr std::array<Entity, 43> kEntities = {{
    {"amp", U'&'},    {"lt", U'<'},     {"gt", U'>'},     {"quot", U'"'},   {"apos", U'\''},  {"nbsp", U' '},
    {"auml", U'ä'},   {"ouml", U'ö'},   {"uuml", U'ü'},   {"Auml", U'Ä'},   {"Ouml", U'Ö'},   {"Uuml", U'Ü'},
    {"szlig", U'ß'},  {"eacute", U'é'}, {"egrave", U'è'}, {"ecirc", U'ê'},  {"agrave", U'à'}, {"aacute", U'á'},
    {"acirc", U'â'},  {"ccedil", U'ç'}, {"ntilde", U'ñ'}, {"oacute", U'ó'}, {"uacute", U'ú'}, {"iacute", U'í'},
    {"ocirc", U'ô'},  {"ucirc", U'û'},  {"icirc", U'î'},  {"aring", U'å'},  {"oslash", U'ø'}, {"aelig", U'æ'},
    {"copy", U'©'},   {"reg", U'®'},    {"trade", U'™'},  {"hellip", U'…'}, {"mdash", U'—'},  {"ndash", U'–'},
    {"lsquo", U'‘'},  {"rsquo", U'’'},  {"ldquo", U'“'},  {"rdquo", U'”'},  {"euro", U'€'},   {"bull", U'•'},
    {"middot", U'·'},
}};

void append_utf8(std::string& out, char32_t c) {
  if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 63));
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  }
}

// "&name;" at the beginning of `in`: its character and its length; length 0 when it is none.
std::pair<char32_t, std::size_t> entity_at(std::string_view in) {
  const std::size_t end = in.substr(0, 12).find(';');
  if (end == std::string_view::npos || end < 2) return {0, 0};
  const std::string_view name = in.substr(1, end - 1);
  if (name.front() == '#') {
    const bool hex = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
    const std::string_view digits = name.substr(hex ? 2 : 1);
    std::uint32_t value = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
    if (error != std::errc{} || stop != digits.data() + digits.size()) return {0, 0};
    return {value == 0xa0 ? U' ' : static_cast<char32_t>(value), end + 1};
  }
  const auto at = std::find_if(kEntities.begin(), kEntities.end(), [&](const Entity& e) { return e.name == name; });
  if (at == kEntities.end()) return {0, 0};
  return {at->character, end + 1};
}

class Html {
 public:
  explicit Html(std::string_view in) : in_(in) {}

  std::string text(bool quotations) {
    std::string out;
    while (at_ < in_.size() && out.size() < kTextOctets) {
      const char c = in_[at_];
      if (c == '<') {
        tag(quotations);
        out += ' ';
      } else if (c == '&') {
        const auto [character, length] = entity_at(in_.substr(at_));
        if (hidden_ == 0) length > 0 ? append_utf8(out, character) : out.push_back(c);
        at_ += std::max<std::size_t>(length, 1);
      } else {
        if (hidden_ == 0) out += c;
        ++at_;
      }
    }
    return flat(out);
  }

 private:
  // What people do not see: the content of these elements.
  void tag(bool quotations) {
    if (in_.substr(at_).starts_with("<!--")) {
      const std::size_t end = in_.find("-->", at_ + 4);
      at_ = end == std::string_view::npos ? in_.size() : end + 3;
      return;
    }
    const bool closing = at_ + 1 < in_.size() && in_[at_ + 1] == '/';
    std::size_t at = at_ + (closing ? 2 : 1);
    std::string name;
    while (at < in_.size() && name.size() < 16 && !is_space(in_[at]) && in_[at] != '>' && in_[at] != '/')
      name += in_[at++];
    name = mime::ascii_lower(name);
    // An attribute in quotes may hold a ">".
    char quote = 0;
    while (at < in_.size() && (quote != 0 || in_[at] != '>')) {
      if (quote != 0) {
        if (in_[at] == quote) quote = 0;
      } else if (in_[at] == '"' || in_[at] == '\'') {
        quote = in_[at];
      }
      ++at;
    }
    const bool empty = at > at_ && at < in_.size() && in_[at - 1] == '/';
    at_ = std::min(at + 1, in_.size());
    if (name == "script" || name == "style") {
      if (closing || empty) return;
      skip_to_end_of(name);
      return;
    }
    const bool hides = name == "head" || name == "title" || (quotations && name == "blockquote");
    if (!hides || empty) return;
    if (closing) {
      if (hidden_ > 0) --hidden_;
    } else {
      ++hidden_;
    }
  }

  void skip_to_end_of(const std::string& name) {
    while (at_ < in_.size()) {
      at_ = in_.find("</", at_);
      if (at_ == std::string_view::npos) {
        at_ = in_.size();
        return;
      }
      if (mime::equals_ignore_case(in_.substr(at_ + 2, name.size()), name)) {
        at_ = std::min(in_.find('>', at_), in_.size() - 1) + 1;
        return;
      }
      at_ += 2;
    }
  }

  std::string_view in_;
  std::size_t at_ = 0;
  int hidden_ = 0;
};

std::string read_text(ByteSource& octets, const mime::Part& part) {
  auto charset = mime::CharsetDecoder::open(mime::parameter(part.parameters, "charset").value_or(""));
  if (!charset) charset = mime::CharsetDecoder::open("");
  std::string utf8;
  const std::uint64_t end = std::min(part.body_end, part.body_begin + kTextOctets);
  mime::decode_range(octets, part.body_begin, end, part.encoding, [&](std::string_view piece) {
    charset->feed(piece, utf8);
    return true;
  });
  charset->finish(utf8);
  return utf8;
}

std::optional<std::string> file_name(const mime::Part& part) {
  if (part.disposition) {
    if (auto name = mime::parameter(part.disposition->parameters, "filename")) return name;
  }
  return mime::parameter(part.parameters, "name");
}

std::string media_type(const mime::Part& part) {
  return mime::ascii_lower(part.type) + "/" + mime::ascii_lower(part.subtype);
}

bool is_readable(std::string_view type) {
  static constexpr std::array<std::string_view, 7> kMedia = {"text/vcard",         "text/x-vcard",     "text/directory",
                                                             "text/calendar",      "text/x-vcalendar", "text/css",
                                                             "text/rfc822-headers"};
  return type.starts_with("text/") && std::find(kMedia.begin(), kMedia.end(), type) == kMedia.end();
}

bool is_text(const mime::Part& part) {
  if (part.kind != mime::Kind::leaf || !is_readable(media_type(part))) return false;
  const bool attached = part.disposition && mime::equals_ignore_case(part.disposition->type, "attachment");
  return !attached || !file_name(part);
}

std::string words_in_line(std::string_view text) {
  return flat(mime::to_utf8(mime::decode_words(text.substr(0, 4096)), "utf-8").value_or(""));
}

// What a file is, in our words.
std::string file_words(std::string_view type, std::string_view name, int files) {
  const auto is = [&](std::string_view beginning) { return type.starts_with(beginning); };
  if (files > 1) return std::to_string(files) + (is("image/") ? " photos" : is("video/") ? " videos" : " files");
  if (is("image/")) return "Photo";
  if (is("video/")) return "Video";
  if (is("audio/amr") || is("audio/3gpp") || is("audio/evs")) return std::string(kVoice);
  if (is("audio/")) return name.empty() ? "Audio" : "Audio " + std::string(name);
  if (is("text/vcard") || is("text/x-vcard") || is("text/directory")) return "Contact";
  if (is("text/calendar") || is("text/x-vcalendar")) return "Event";
  return name.empty() ? "File" : "File " + std::string(name);
}

bool is_encrypted(const mime::Part& part) {
  const std::string type = media_type(part);
  if (type == "multipart/encrypted") return true;
  if (type != "application/pkcs7-mime" && type != "application/x-pkcs7-mime") return false;
  const auto what = mime::parameter(part.parameters, "smime-type");
  return !what || !mime::equals_ignore_case(*what, "signed-data");
}

class Maker {
 public:
  Maker(ByteSource& octets, const mime::Part& message) : octets_(octets), message_(message) {}

  Preview run() {
    if (is_encrypted(message_)) return {"Encrypted message", {}, {}};
    walk(message_);
    Preview preview;
    if (plain_ != nullptr) preview.text = plain_preview(read_text(octets_, *plain_));
    if (preview.text.empty() && html_ != nullptr) preview.text = html_preview(read_text(octets_, *html_));
    if (!preview.text.empty()) return preview;
    if (nested_ != nullptr) return {"Forwarded message", nested_subject(), {}};
    if (!files_.empty()) {
      preview.ours = file_words(common_type(), words_in_line(file_name(*files_.front()).value_or("")),
                                static_cast<int>(files_.size()));
    }
    return preview;
  }

 private:
  void walk(const mime::Part& part) {
    if (part.kind == mime::Kind::multipart) {
      for (const mime::Part& child : part.children) walk(child);
      return;
    }
    if (part.kind == mime::Kind::message) {
      if (nested_ == nullptr) nested_ = &part;
      return;
    }
    const std::string type = media_type(part);
    if (is_text(part)) {
      if (type == "text/html") {
        if (html_ == nullptr) html_ = &part;
      } else if (plain_ == nullptr) {
        plain_ = &part;
      }
      return;
    }
    static constexpr std::array<std::string_view, 6> kSilent = {"application/smil",
                                                                "application/pgp-signature",
                                                                "application/pkcs7-signature",
                                                                "application/x-pkcs7-signature",
                                                                "message/delivery-status",
                                                                "text/rfc822-headers"};
    if (std::find(kSilent.begin(), kSilent.end(), type) == kSilent.end()) files_.push_back(&part);
  }

  [[nodiscard]] std::string common_type() const {
    const std::string first = media_type(*files_.front());
    const std::string kind = first.substr(0, first.find('/') + 1);
    const bool all = std::all_of(files_.begin(), files_.end(),
                                 [&](const mime::Part* part) { return media_type(*part).starts_with(kind); });
    return all ? first : "application/octet-stream";
  }

  [[nodiscard]] std::string nested_subject() const {
    if (nested_->children.empty()) return {};
    const mime::Part& head = nested_->children.front();
    std::string header(
        static_cast<std::size_t>(std::min<std::uint64_t>(head.header_end - head.header_begin, kTextOctets)), '\0');
    header.resize(octets_.read(head.header_begin, header.data(), header.size()));
    const auto subject = mime::find_field(header, "Subject");
    return subject ? cut_preview(words_in_line(mime::unfold(subject->value))) : std::string();
  }

  ByteSource& octets_;
  const mime::Part& message_;
  const mime::Part* plain_ = nullptr;
  const mime::Part* html_ = nullptr;
  const mime::Part* nested_ = nullptr;
  std::vector<const mime::Part*> files_;
};

#ifdef CPMSTORE_HAS_CPM
constexpr std::string_view kLocation = "application/vnd.gsma.rcspushlocation+xml";

std::string disposition_words(schema::Disposition disposition) {
  switch (disposition) {
    case schema::Disposition::delivered: return "Delivered";
    case schema::Disposition::displayed: return "Displayed";
    case schema::Disposition::processed:
    case schema::Disposition::stored: return "On its way";
    case schema::Disposition::failed:
    case schema::Disposition::forbidden:
    case schema::Disposition::error: return "Not delivered";
    case schema::Disposition::none: break;
  }
  return "Notification";
}

// None: it is mail.
std::optional<Preview> cpm_preview(ByteSource& octets, const mime::Part& message, std::string_view header) {
  using schema::ObjectKind;
  const schema::ObjectFacts facts = cpm_objects::recognise(header, octets, message, cpm_objects::Place{});
  const std::string file = words_in_line(facts.file_name);
  switch (facts.kind) {
    case ObjectKind::mail: return std::nullopt;
    case ObjectKind::signal: return Preview{};
    case ObjectKind::notification: return Preview{disposition_words(facts.disposition), {}, {}};
    case ObjectKind::session_info:
      return Preview{facts.group ? "Group chat" : "Chat", words_in_line(facts.subject), {}};
    case ObjectKind::group_state: return Preview{"Group chat", words_in_line(facts.subject), {}};
    case ObjectKind::file_transfer: return Preview{file_words(facts.file_type, file, facts.file_parts), {}, {}};
    default: break;
  }
  if (facts.preview == kLocation) return Preview{"Location", {}, {}};
  const std::string& named = !facts.file_name.empty() ? facts.file_name : facts.file_type;
  const bool of_file = facts.file_parts > 0 && flat(facts.preview) == flat(named).substr(0, facts.preview.size());
  if (of_file || facts.preview.empty()) {
    if (facts.file_parts == 0) return Preview{};
    return Preview{file_words(facts.file_type, file, facts.file_parts), {}, {}};
  }
  return Preview{{}, flat(facts.preview), {}};
}
#endif

// The section number of the first sound; empty: there is none.
bool find_sound(const mime::Part& part, std::vector<std::uint32_t>& path) {
  if (part.kind == mime::Kind::leaf) {
    if (path.empty()) path.push_back(1);
    return media_type(part).starts_with("audio/");
  }
  if (part.kind == mime::Kind::message) return false;
  std::uint32_t number = 0;
  for (const mime::Part& child : part.children) {
    path.push_back(++number);
    if (find_sound(child, path)) return true;
    path.pop_back();
  }
  return false;
}

Preview make_words(ByteSource& octets, const mime::Part& message) {
#ifdef CPMSTORE_HAS_CPM
  std::string header(
      static_cast<std::size_t>(std::min<std::uint64_t>(message.header_end - message.header_begin, kTextOctets)), '\0');
  std::size_t filled = 0;
  while (filled < header.size()) {
    const std::size_t got = octets.read(message.header_begin + filled, header.data() + filled, header.size() - filled);
    if (got == 0) break;
    filled += got;
  }
  header.resize(filled);
  if (auto preview = cpm_preview(octets, message, header)) {
    preview->text = cut_preview(std::move(preview->text));
    return *preview;
  }
#endif
  return Maker(octets, message).run();
}

}  // namespace

std::string cut_preview(std::string text) {
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80) continue;
    if (++characters > kPreviewCharacters) {
      text.resize(at);
      break;
    }
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

std::string plain_preview(std::string_view utf8) {
  const auto lines = lines_of(utf8);
  std::string out;
  for (std::size_t at = 0; at < lines.size() && out.size() < kEnough; ++at) {
    if (lines[at] == "-- ") break;
    if (is_quotation(lines[at])) continue;
    if (announces_quotation(lines, at)) {
      if (!out.empty()) break;  // what follows is what was answered
      continue;
    }
    append_collapsed(out, lines[at]);
  }
  if (out.empty()) append_collapsed(out, utf8.substr(0, kEnough));
  return cut_preview(mime::to_utf8(out, "utf-8").value_or(""));
}

std::string html_preview(std::string_view utf8) {
  std::string text = Html(utf8).text(true);
  if (text.empty()) text = Html(utf8).text(false);
  return cut_preview(mime::to_utf8(text, "utf-8").value_or(""));
}

Preview make_preview(ByteSource& octets, const mime::PartMap& parts, const Limits& limits) {
  if (parts.entries().empty()) return {};
  const mime::Part message = mime::part_tree(parts, octets, limits);
  Preview preview = make_words(octets, message);
  if (preview.ours == kVoice && !find_sound(message, preview.sound)) preview.sound.clear();
  return preview;
}

std::string encode(const Preview& preview) { return std::string(kVersion) + "\n" + preview.ours + "\n" + preview.text; }

std::optional<Preview> decode_preview(std::string_view stored) {
  const std::size_t first = stored.find('\n');
  const std::size_t second = first == std::string_view::npos ? first : stored.find('\n', first + 1);
  if (second == std::string_view::npos || stored.substr(0, first) != kVersion) return std::nullopt;
  return Preview{std::string(stored.substr(first + 1, second - first - 1)), std::string(stored.substr(second + 1)), {}};
}

}  // namespace cpm::imap
