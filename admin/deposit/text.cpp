#include "admin/deposit/text.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace cpm::deposit {

namespace {

constexpr std::size_t kWordOctets = 45;  // in base64 60 characters: 72 with "=?utf-8?b?" and "?="
constexpr std::uint64_t kLineOctets = 57, kLineCharacters = 76;

bool continues(char octet) { return (static_cast<unsigned char>(octet) & 0xc0U) == 0x80U; }

// The code point at `at`, which is moved behind it. The text is UTF-8.
std::uint32_t next_character(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  std::uint32_t value = lead < 0x80U ? lead : lead < 0xe0U ? lead & 0x1fU : lead < 0xf0U ? lead & 0x0fU : lead & 0x07U;
  while (at < text.size() && continues(text[at]))
    value = (value << 6U) | (static_cast<unsigned char>(text[at++]) & 0x3fU);
  return value;
}

std::string shifted(const std::vector<std::uint16_t>& units) {
  std::string octets;
  for (const std::uint16_t unit : units) {
    octets += static_cast<char>(unit >> 8U);
    octets += static_cast<char>(unit & 0xffU);
  }
  std::string text = base64(octets);
  text.erase(std::min(text.find('='), text.size()));
  std::replace(text.begin(), text.end(), '/', ',');
  return "&" + text + "-";
}

std::string modified_utf7(std::string_view path) {
  std::string out;
  std::vector<std::uint16_t> units;
  const auto close = [&] {
    if (!units.empty()) out += shifted(units);
    units.clear();
  };
  for (std::size_t at = 0; at < path.size();) {
    const std::uint32_t character = next_character(path, at);
    if (character >= 0x20U && character < 0x7fU) {
      close();
      out += static_cast<char>(character);
      if (character == '&') out += '-';
    } else if (character < 0x10000U) {
      units.push_back(static_cast<std::uint16_t>(character));
    } else {
      units.push_back(static_cast<std::uint16_t>(0xd800U + ((character - 0x10000U) >> 10U)));
      units.push_back(static_cast<std::uint16_t>(0xdc00U + ((character - 0x10000U) & 0x3ffU)));
    }
  }
  close();
  return out;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string base64(std::string_view octets) {
  std::string text((octets.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(octets.data()), static_cast<int>(octets.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::uint64_t base64_lines_size(std::uint64_t octets) noexcept {
  const std::uint64_t characters = (octets + 2) / 3 * 4;
  const std::uint64_t lines = (characters + kLineCharacters - 1) / kLineCharacters;
  return characters + (lines == 0 ? 0 : (lines - 1) * 2);
}

std::string bounded(std::string sentence) {
  constexpr std::size_t kMost = 1000;
  if (sentence.size() <= kMost) return sentence;
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(sentence[end]) & 0xc0) == 0x80) --end;
  sentence.resize(end);
  return sentence + "…";
}

bool is_ascii(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; });
}

std::string header_text(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    std::size_t length = std::min(kWordOctets, text.size());
    while (length < text.size() && length > 1 && continues(text[length])) --length;
    out += (out.empty() ? "=?utf-8?b?" : " =?utf-8?b?") + base64(text.substr(0, length)) + "?=";
    text.remove_prefix(length);
  }
  return out;
}

std::string header_address(std::string_view address) {
  const std::size_t angle = address.rfind('<');
  if (is_ascii(address) || angle == std::string_view::npos) return header_text(address);
  std::string_view name = address.substr(0, angle);
  while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
  return header_text(name) + " " + std::string(address.substr(angle));
}

std::string parameter(std::string_view name, std::string_view value) {
  if (is_ascii(value)) return std::string(name) + "=" + quoted(value);
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = std::string(name) + "*=utf-8''";
  for (const char c : value) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x80U && (std::isalnum(octet) != 0 || c == '.' || c == '-' || c == '_')) {
      out += c;
    } else {
      out += {'%', kHex[octet >> 4U], kHex[octet & 0x0fU]};
    }
  }
  return out;
}

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string crlf_lines(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    if (text[i] == '\n' || text[i] == '\r') {
      out += "\r\n";
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string mailbox_argument(std::string_view path) { return quoted(modified_utf7(path)); }

std::string type_of_name(std::string_view name) {
  struct Row {
    std::string_view ending, type;
  };
  static constexpr std::array<Row, 22> kTypes{
      {{"jpg", "image/jpeg"},      {"jpeg", "image/jpeg"},    {"png", "image/png"},       {"gif", "image/gif"},
       {"webp", "image/webp"},     {"heic", "image/heic"},    {"bmp", "image/bmp"},       {"svg", "image/svg+xml"},
       {"mp4", "video/mp4"},       {"3gp", "video/3gpp"},     {"mov", "video/quicktime"}, {"webm", "video/webm"},
       {"mp3", "audio/mpeg"},      {"m4a", "audio/mp4"},      {"amr", "audio/amr"},       {"ogg", "audio/ogg"},
       {"wav", "audio/wav"},       {"au", "audio/basic"},     {"vcf", "text/vcard"},      {"smil", "application/smil"},
       {"pdf", "application/pdf"}, {"zip", "application/zip"}}};
  const std::size_t dot = name.rfind('.');
  std::string ending(dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1));
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto row = std::find_if(kTypes.begin(), kTypes.end(), [&](const Row& one) { return one.ending == ending; });
  return row == kTypes.end() ? "application/octet-stream" : std::string(row->type);
}

}  // namespace cpm::deposit
