#include "admin/conversation_object.h"

#include "imap/cpm/location.h"
#include "imap/cpm/text.h"
#include "imap/mime/charset.h"
#include "imap/mime/header.h"

#include <sodium.h>

#include <algorithm>
#include <array>

namespace cpm::admin {

namespace {

namespace mime = imap::mime;
namespace objects = imap::cpm_objects;

constexpr std::string_view kLocation = "application/vnd.gsma.rcspushlocation+xml";
constexpr std::string_view kLinks = "application/vnd.gsma.rcs-ft-http+xml";
constexpr std::uint64_t kHeader = 64 * 1024;

// CRLF and CR as LF, no other control characters than tabs; without the line ends behind the last line.
std::string tidy(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r') {
      if (i + 1 == text.size() || text[i + 1] != '\n') out += '\n';
    } else if (c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20) {
      if (c != '\x7f') out += c;
    }
  }
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

// The words of HTML without its marks.
std::string without_marks(std::string_view html) {
  std::string out;
  bool inside = false;
  for (const char c : html) {
    if (c == '<') {
      inside = true;
    } else if (c == '>' && inside) {
      inside = false;
      if (!out.empty() && out.back() != ' ' && out.back() != '\n') out += ' ';
    } else if (!inside) {
      out += c;
    }
  }
  return out;
}

void cut(std::string& text, std::size_t octets) {
  if (text.size() <= octets) return;
  while (octets > 0 && (static_cast<unsigned char>(text[octets]) & 0xc0) == 0x80) --octets;
  text.resize(octets);
  text += "…";
}

}  // namespace

ConversationObject::ConversationObject(ByteSource& octets, const schema::ObjectFacts& facts, const Limits& limits)
    : facts_(facts), message_(mime::parse_structure(octets, limits)) {
  content_.octets = &octets;
  content_.part = &message_;
  const std::string header = objects::read_octets(octets, message_.header_begin, message_.header_end, kHeader);
  if (const auto type = mime::find_field(header, "Content-Type"))
    content_.content_type = mime::ascii_lower(mime::unfold(type->value));
  if (message_.is("message", "cpim")) {
    cpim_ = std::make_unique<objects::Cpim>(octets, message_);
    content_.octets = &cpim_->content_octets();
    content_.part = &cpim_->content();
    content_.content_type = mime::ascii_lower(cpim_->content_type());
    content_.known_to = cpim_->content_known_to();
  }
  leaves_ = objects::leaves_of(content_);
  find_files();
}

void ConversationObject::find_files() {
  using Kind = schema::ObjectKind;
  if (facts_.kind == Kind::notification || facts_.kind == Kind::group_state || facts_.kind == Kind::signal) return;
  if (content_.type() == kLocation) return;
  if (content_.type() == kLinks) {
    for (const auto& file : objects::read_file_document(objects::read_body(*content_.octets, *content_.part)))
      if (!file.thumbnail) files_.push_back({file.name, file.type, file.size, nullptr});
    return;
  }
  for (const mime::Part* part : leaves_.files) {
    auto file = objects::file_of(content_, *part);
    if (!file.size) file.size = mime::decoded_size(*content_.octets, part->body_begin, part->body_end, part->encoding);
    files_.push_back({std::move(file.name), std::move(file.type), file.size, part});
  }
  // First generation: the description names a file that its part does not.
  if (facts_.kind == Kind::file_transfer && files_.size() == 1) {
    if (files_[0].name.empty()) files_[0].name = facts_.file_name;
    if (files_[0].type.empty() || files_[0].type == "application/octet-stream")
      files_[0].type = mime::ascii_lower(facts_.file_type);
  }
}

std::string ConversationObject::text() {
  if (content_.type() == kLocation)
    return tidy(objects::describe_location(objects::read_body(*content_.octets, *content_.part)));
  if (content_.type() == kLinks || leaves_.text == nullptr) return {};
  using Kind = schema::ObjectKind;
  if (facts_.kind == Kind::notification || facts_.kind == Kind::group_state || facts_.kind == Kind::session_info ||
      facts_.kind == Kind::signal)
    return {};
  const mime::Part& part = *leaves_.text;
  auto charset = mime::CharsetDecoder::open(mime::parameter(part.parameters, "charset").value_or(""));
  if (!charset) charset = mime::CharsetDecoder::open("");
  if (!charset) return {};
  std::string utf8;
  bool whole = true;
  mime::decode_range(*content_.octets, part.body_begin, part.body_end, part.encoding, [&](std::string_view octets) {
    charset->feed(octets, utf8);
    whole = utf8.size() <= kMostText;
    return whole;
  });
  if (whole) charset->finish(utf8);
  std::string out = tidy(part.is("text", "html") ? without_marks(utf8) : utf8);
  cut(out, kMostText);
  return out;
}

void ConversationObject::read(const ObjectFile& file, const std::function<void(std::string_view)>& take) {
  if (file.part == nullptr) return;
  mime::decode_range(*content_.octets, file.part->body_begin, file.part->body_end, file.part->encoding,
                     [&](std::string_view piece) {
                       take(piece);
                       return true;
                     });
}

InlineMedia inline_media(std::string_view type) noexcept {
  // No SVG and no HTML: they are programs.
  constexpr std::array<std::string_view, 7> kImages = {"image/jpeg", "image/jpg",  "image/png", "image/gif",
                                                       "image/webp", "image/avif", "image/bmp"};
  constexpr std::array<std::string_view, 13> kAudio = {
      "audio/mpeg", "audio/mp3",  "audio/mp4",   "audio/aac",  "audio/ogg",    "audio/opus", "audio/wav",
      "audio/webm", "audio/3gpp", "audio/x-wav", "audio/flac", "audio/amr-wb", "audio/amr"};
  constexpr std::array<std::string_view, 6> kVideo = {"video/mp4",  "video/webm",  "video/ogg",
                                                      "video/3gpp", "video/3gpp2", "video/quicktime"};
  const auto among = [&](const auto& list) { return std::find(list.begin(), list.end(), type) != list.end(); };
  if (among(kImages)) return InlineMedia::image;
  if (among(kAudio)) return InlineMedia::audio;
  return among(kVideo) ? InlineMedia::video : InlineMedia::none;
}

std::string plain_file_name(std::string_view name) {
  if (const auto at = name.find_last_of("/\\"); at != std::string_view::npos) name.remove_prefix(at + 1);
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (c < 0x20 || c == 0x7f || std::string_view("<>:\"|?*").find(name[i]) != std::string_view::npos) continue;
    const std::string_view rest = name.substr(i, 3);
    // Marks of direction make "exe.jpg" of "gpj.exe".
    const bool turns = (rest >= "\u202a" && rest <= "\u202e") || (rest >= "\u2066" && rest <= "\u2069") ||
                       rest == "\u200e" || rest == "\u200f";
    if (turns && rest.size() == 3) {
      i += 2;
      continue;
    }
    out += name[i];
  }
  while (out.starts_with('.') || out.starts_with(' ')) out.erase(0, 1);
  if (out.size() > 200) {
    std::size_t end = 200;
    while ((static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
    out.resize(end);
  }
  return out.empty() ? "file" : out;
}

std::string html_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      case '\0': break;
      default: out += c;
    }
  }
  return out;
}

void Base64::feed(std::string_view octets) {
  held_ += octets;
  const std::size_t whole = held_.size() / 3 * 3;
  if (whole == 0) return;
  encode(std::string_view(held_).substr(0, whole));
  held_.erase(0, whole);
}

void Base64::finish() {
  if (!held_.empty()) encode(held_);
  held_.clear();
}

void Base64::encode(std::string_view octets) {
  std::string text(sodium_base64_encoded_len(octets.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(octets.data()), octets.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // its zero octet
  take_(text);
}

}  // namespace cpm::admin
