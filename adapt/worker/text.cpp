#include "adapt/worker/text.h"

#include "adapt/worker/work.h"

#include <unicode/ucnv.h>
#include <unicode/ucnv_err.h>
#include <unicode/unistr.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <vector>

namespace cpm::adapt::worker {

namespace {

struct CloseConverter {
  void operator()(UConverter* converter) const { ::ucnv_close(converter); }
};
using Converter = std::unique_ptr<UConverter, CloseConverter>;

// Nothing for a charset that is not known. Names that ICU would read as files of tables or as options are refused.
Converter open_converter(const std::string& name) {
  const bool clean = !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == ':' || c == '+';
  });
  if (!clean) return nullptr;
  UErrorCode error = U_ZERO_ERROR;
  Converter converter(::ucnv_open(name.c_str(), &error));
  if (U_FAILURE(error)) return nullptr;
  return converter;
}

bool is_utf8(std::string_view text) {
  std::int32_t at = 0;
  const auto size = static_cast<std::int32_t>(text.size());
  while (at < size) {
    UChar32 c = 0;
    U8_NEXT(text.data(), at, size, c);
    if (c < 0) return false;
  }
  return true;
}

icu::UnicodeString decode(std::string_view octets, UConverter* converter) {
  UErrorCode error = U_ZERO_ERROR;
  return {octets.data(), static_cast<std::int32_t>(octets.size()), converter, error};
}

std::string utf8_of(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

// ICU has no name for some that mail uses.
std::string charset_name(const std::string& declared) {
  std::string lower = declared;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  // Its upper half is not text: what says so is looked at.
  if (lower == "us-ascii" || lower == "ascii") return {};
  // Senders that say this mean the superset (WHATWG Encoding).
  if (lower == "iso-8859-1" || lower == "latin1") return "windows-1252";
  if (lower == "gb2312") return "gb18030";
  if (lower == "ks_c_5601-1987") return "windows-949";
  return lower;
}

std::string from_utf8(const std::string& text, const std::string& charset, const Parameters& parameters) {
  const Converter converter = open_converter(charset);
  if (!converter) throw Stop{Refusal::bad_parameters, "there is no charset of that name", {"charset"}};
  const auto replacement = parameters.find("unknown-character-replacement");
  UErrorCode error = U_ZERO_ERROR;
  if (replacement != parameters.end()) {
    const icu::UnicodeString wide = icu::UnicodeString::fromUTF8(replacement->second);
    // It must itself be representable (RFC 5259 7.1).
    ::ucnv_setFromUCallBack(converter.get(), UCNV_FROM_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &error);
    std::vector<char> room(64 + static_cast<std::size_t>(wide.length()) * 16);
    ::ucnv_fromUChars(converter.get(), room.data(), static_cast<std::int32_t>(room.size()), wide.getBuffer(),
                      wide.length(), &error);
    if (U_FAILURE(error) || !is_utf8(replacement->second))
      throw Stop{Refusal::bad_parameters, "the replacement is not in this charset", {"unknown-character-replacement"}};
    ::ucnv_setSubstString(converter.get(), wide.getBuffer(), wide.length(), &error);
    ::ucnv_setFromUCallBack(converter.get(), UCNV_FROM_U_CALLBACK_SUBSTITUTE, nullptr, nullptr, nullptr, &error);
    if (U_FAILURE(error))
      throw Stop{Refusal::bad_parameters, "the replacement is too long", {"unknown-character-replacement"}};
  } else {
    ::ucnv_setFromUCallBack(converter.get(), UCNV_FROM_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &error);
  }
  ::ucnv_setFallback(converter.get(), false);
  const icu::UnicodeString wide = icu::UnicodeString::fromUTF8(text);
  std::string out;
  const UChar* from = wide.getBuffer();
  const UChar* const end = from + wide.length();
  std::vector<char> block(64 * 1024);
  for (;;) {
    char* to = block.data();
    error = U_ZERO_ERROR;
    ::ucnv_fromUnicode(converter.get(), &to, block.data() + block.size(), &from, end, nullptr, true, &error);
    out.append(block.data(), to);
    if (error == U_BUFFER_OVERFLOW_ERROR) continue;
    if (U_FAILURE(error))
      throw Stop{Refusal::bad_parameters, "the text has characters that this charset does not have", {"charset"}};
    return out;
  }
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out.push_back('\r');
    out.push_back(text[i]);
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

// The value of a header line, "" when there is none.
std::string header_value(std::string_view header, std::string_view name) {
  std::size_t at = 0;
  while (at < header.size()) {
    std::size_t end = header.find('\n', at);
    if (end == std::string_view::npos) end = header.size();
    std::string_view line = header.substr(at, end - at);
    at = end + 1;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || lower(line.substr(0, colon)) != name) continue;
    line.remove_prefix(colon + 1);
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.front())) != 0) line.remove_prefix(1);
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) line.remove_suffix(1);
    return std::string(line);
  }
  return {};
}

// After the first empty line.
std::string_view after_header(std::string_view text, std::string_view& header) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view line = text.substr(at, end - at);
    if (line.empty() || line == "\r") {
      header = text.substr(0, at);
      return end < text.size() ? text.substr(end + 1) : std::string_view();
    }
    at = end + 1;
  }
  header = text;
  return {};
}

// RFC 3862: message header, content header, content. From, To, DateTime and Subject stay, then the content if it is
// text.
std::string cpim_to_text(const Task& task, std::string& used) {
  std::string_view message_header;
  std::string_view content_header;
  const std::string_view rest = after_header(task.octets, message_header);
  const std::string_view content = after_header(rest, content_header);
  std::string out;
  for (const auto* name : {"From", "To", "DateTime", "Subject"}) {
    std::string nothing;
    const std::string value = to_utf8(header_value(message_header, lower(name)), "utf-8", nothing);
    if (!value.empty()) out += std::string(name) + ": " + value + "\n";
  }
  if (!out.empty()) out += '\n';
  const std::string type = header_value(content_header, "content-type");
  const std::string kind = lower(type.substr(0, type.find(';')));
  std::string charset;
  if (const std::size_t at = lower(type).find("charset="); at != std::string::npos) {
    charset = type.substr(at + 8);
    charset.erase(std::remove(charset.begin(), charset.end(), '"'), charset.end());
    charset = charset.substr(0, charset.find_first_of("; \t"));
  }
  if (kind.empty() || kind.starts_with("text/")) {
    std::string text = to_utf8(content, charset.empty() ? task.charset : charset, used);
    out += kind.starts_with("text/html") ? html_to_text(text) : text;
  } else {
    out += "[" + kind + "]\n";
  }
  return out;
}

}  // namespace

std::string html_charset(std::string_view html) {
  const std::string head = lower(html.substr(0, 4096));
  const std::size_t at = head.find("charset=");
  if (at == std::string::npos) return {};
  std::size_t begin = at + 8;
  while (begin < head.size() && (head[begin] == '"' || head[begin] == '\'' || head[begin] == ' ')) ++begin;
  return head.substr(begin, head.find_first_of("\"' ;/>", begin) - begin);
}

std::string to_utf8(std::string_view octets, const std::string& declared, std::string& used) {
  UErrorCode error = U_ZERO_ERROR;
  std::int32_t mark = 0;
  const char* marked =
      ::ucnv_detectUnicodeSignature(octets.data(), static_cast<std::int32_t>(octets.size()), &mark, &error);
  std::string charset = U_SUCCESS(error) && marked != nullptr ? lower(marked) : charset_name(declared);
  Converter converter = open_converter(charset);
  if (!converter) {
    charset = is_utf8(octets) ? "utf-8" : "windows-1252";
    converter = open_converter(charset);
  }
  used = charset;
  if (!converter) throw Stop{Refusal::broken_source, "the text cannot be read"};
  icu::UnicodeString text = decode(octets, converter.get());
  if (text.length() > 0 && text.charAt(0) == 0xfeff) text.remove(0, 1);
  return utf8_of(text);
}

void prepare_text() {
  // Tables of ICU are in its library; a converter that was opened once is quick to open again.
  for (const auto* name : {"utf-8", "us-ascii", "windows-1252", "iso-8859-15", "iso-2022-jp", "shift_jis", "gb18030",
                           "euc-kr", "big5", "koi8-r", "utf-16", "utf-7"})
    (void)open_converter(name);
  (void)html_to_text("<html><body><p>&eacute;</p></body></html>");
}

Converted convert_text(const Task& task, const std::string& found) {
  Converted done;
  done.type = "text/plain";
  std::string used;
  std::string text;
  if (found == "text/html") {
    text = html_to_text(to_utf8(task.octets, task.charset.empty() ? html_charset(task.octets) : task.charset, used));
  } else if (found == "text/vcard") {
    text = vcard_to_text(to_utf8(task.octets, task.charset, used));
  } else if (found == "message/cpim") {
    text = cpim_to_text(task, used);
  } else {
    text = to_utf8(task.octets, task.charset, used);
  }
  const auto wanted = task.parameters.find("charset");
  const std::string charset = wanted == task.parameters.end() ? "utf-8" : lower(wanted->second);
  text = with_crlf(text);
  done.octets = charset == "utf-8" ? std::move(text) : from_utf8(text, charset, task.parameters);
  done.parameters["charset"] = charset;
  done.facts["charset"] = used;
  return done;
}

}  // namespace cpm::adapt::worker
