#include "imap/mime/charset.h"

#include "imap/mime/header.h"

#include <unicode/ucnv.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include <algorithm>
#include <array>
#include <utility>

namespace cpm::imap::mime {

namespace {

struct Alias {
  std::string_view from;
  const char* to;
};

// Names mail uses that ICU does not know, or reads more narrowly than senders mean them.
constexpr std::array<Alias, 14> kAliases = {{
    {"us-ascii", "UTF-8"},
    {"ascii", "UTF-8"},
    {"ansi_x3.4-1968", "UTF-8"},
    {"utf8mb4", "UTF-8"},
    {"unicode-1-1-utf-8", "UTF-8"},
    {"unicode-1-1-utf-7", "UTF-7"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"gb_2312-80", "GB18030"},
    {"iso-8859-8-i", "ISO-8859-8"},
    {"iso-8859-8-e", "ISO-8859-8"},
    {"x-mac-roman", "macintosh"},
    {"ks_c_5601-1987", "windows-949"},
    {"iso-8859-1", "windows-1252"},
}};

// ICU reads options after a comma and other separators: only plain names may pass.
bool plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == ':' || c == '+' || c == '(' || c == ')';
  });
}

std::string icu_name(std::string_view name) {
  if (name.empty()) return "UTF-8";
  for (const auto& alias : kAliases)
    if (equals_ignore_case(alias.from, name)) return alias.to;
  return std::string(name);
}

UConverter* open_converter(std::string_view charset) {
  if (!charset.empty() && !plain_name(charset)) return nullptr;
  UErrorCode status = U_ZERO_ERROR;
  UConverter* converter = ucnv_open(icu_name(charset).c_str(), &status);
  if (U_FAILURE(status)) return nullptr;
  return converter;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool common_name(std::string_view name) {
  return name.empty() || equals_ignore_case(name, "utf-8") || equals_ignore_case(name, "us-ascii") ||
         equals_ignore_case(name, "iso-8859-1");
}

}  // namespace

void CharsetDecoder::Close::operator()(UConverter* converter) const { ucnv_close(converter); }

bool known_charset(std::string_view name) {
  if (name.empty()) return false;
  if (common_name(name)) return true;
  UConverter* converter = open_converter(name);
  if (converter == nullptr) return false;
  ucnv_close(converter);
  return true;
}

bool valid_in(std::string_view bytes, std::string_view charset) {
  if (common_name(charset) && is_ascii(bytes)) return true;
  if (equals_ignore_case(charset, "us-ascii")) return false;
  const std::unique_ptr<UConverter, decltype(&ucnv_close)> converter(open_converter(charset), &ucnv_close);
  if (!converter) return false;
  UErrorCode status = U_ZERO_ERROR;
  ucnv_setToUCallBack(converter.get(), UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &status);
  std::array<UChar, 512> wide;
  const char* from = bytes.data();
  do {
    status = U_ZERO_ERROR;
    UChar* to = wide.data();
    ucnv_toUnicode(converter.get(), &to, wide.data() + wide.size(), &from, bytes.data() + bytes.size(), nullptr, 1,
                   &status);
  } while (status == U_BUFFER_OVERFLOW_ERROR);
  return U_SUCCESS(status) && ucnv_toUCountPending(converter.get(), &status) == 0;
}

std::optional<std::string> to_utf8(std::string_view bytes, std::string_view charset) {
  if (common_name(charset) && is_ascii(bytes)) return std::string(bytes);
  auto decoder = CharsetDecoder::open(charset);
  if (!decoder) return std::nullopt;
  std::string out;
  out.reserve(bytes.size());
  decoder->feed(bytes, out);
  decoder->finish(out);
  return out;
}

namespace {

using Converter = std::unique_ptr<UConverter, decltype(&ucnv_close)>;

// Names that mail uses mean themselves when text is written in them.
Converter open_encoder(std::string_view charset) {
  UErrorCode status = U_ZERO_ERROR;
  UConverter* converter = plain_name(charset) ? ucnv_open(std::string(charset).c_str(), &status) : nullptr;
  if (U_FAILURE(status)) converter = open_converter(charset);
  status = U_ZERO_ERROR;
  if (converter != nullptr) {
    ucnv_setFromUCallBack(converter, UCNV_FROM_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &status);
    ucnv_setFallback(converter, 0);
  }
  return {converter, &ucnv_close};
}

std::u16string wide_of(std::string_view utf8) {
  std::u16string wide(utf8.size() + 1, u'\0');
  int32_t length = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strFromUTF8WithSub(wide.data(), static_cast<int32_t>(wide.size()), &length, utf8.data(),
                       static_cast<int32_t>(utf8.size()), 0xFFFD, nullptr, &status);
  wide.resize(U_SUCCESS(status) ? static_cast<std::size_t>(length) : 0);
  return wide;
}

std::optional<std::string> narrow_of(UConverter* converter, std::u16string_view wide) {
  std::string out(static_cast<std::size_t>(UCNV_GET_MAX_BYTES_FOR_STRING(wide.size(), ucnv_getMaxCharSize(converter))),
                  '\0');
  UErrorCode status = U_ZERO_ERROR;
  const int32_t length = ucnv_fromUChars(converter, out.data(), static_cast<int32_t>(out.size()), wide.data(),
                                         static_cast<int32_t>(wide.size()), &status);
  if (U_FAILURE(status)) return std::nullopt;
  out.resize(static_cast<std::size_t>(length));
  return out;
}

}  // namespace

std::optional<EncodedText> from_utf8(std::string_view utf8, std::string_view charset,
                                     const std::optional<std::string>& replacement) {
  const Converter converter = open_encoder(charset);
  if (!converter) return std::nullopt;
  const std::u16string wide = wide_of(utf8);
  EncodedText encoded{narrow_of(converter.get(), wide)};
  if (!replacement) return encoded;
  const std::u16string instead = wide_of(*replacement);
  if (!narrow_of(converter.get(), instead)) return EncodedText{};
  if (encoded.text) return encoded;
  std::u16string replaced;
  for (std::size_t at = 0; at < wide.size();) {
    const std::size_t units = U16_IS_LEAD(wide[at]) && at + 1 < wide.size() ? 2 : 1;
    const std::u16string_view one = std::u16string_view(wide).substr(at, units);
    replaced += narrow_of(converter.get(), one) ? one : std::u16string_view(instead);
    at += units;
  }
  encoded.text = narrow_of(converter.get(), replaced);
  return encoded;
}

std::optional<CharsetDecoder> CharsetDecoder::open(std::string_view charset) {
  UConverter* converter = open_converter(charset);
  if (converter == nullptr) return std::nullopt;
  const auto type = ucnv_getType(converter);
  UErrorCode status = U_ZERO_ERROR;
  const char* name = ucnv_getName(converter, &status);
  const bool ascii_based = type == UCNV_UTF8 || (U_SUCCESS(status) && std::string_view(name).starts_with("ibm-5348"));
  return CharsetDecoder(converter, ascii_based);
}

void CharsetDecoder::feed(std::string_view in, std::string& out) {
  if (ascii_based_ && between_ && is_ascii(in)) {
    out += in;
    return;
  }
  convert(in, false, out);
}

void CharsetDecoder::finish(std::string& out) {
  if (!between_) convert({}, true, out);
  ucnv_reset(converter_.get());
  between_ = true;
}

void CharsetDecoder::convert(std::string_view in, bool flush, std::string& out) {
  std::array<UChar, 2048> wide;
  std::array<char, 3 * wide.size()> narrow;
  const char* from = in.data();
  const char* const end = in.data() + in.size();
  for (bool more = true; more;) {
    UErrorCode status = U_ZERO_ERROR;
    UChar* to = wide.data();
    if (high_surrogate_ != 0) *to++ = std::exchange(high_surrogate_, u'\0');
    ucnv_toUnicode(converter_.get(), &to, wide.data() + wide.size(), &from, end, nullptr, flush ? 1 : 0, &status);
    more = status == U_BUFFER_OVERFLOW_ERROR;
    // The halves of a pair may come from two calls.
    if (to != wide.data() && U16_IS_LEAD(to[-1]) && (more || !flush)) high_surrogate_ = *--to;
    int32_t written = 0;
    UErrorCode narrow_status = U_ZERO_ERROR;
    u_strToUTF8WithSub(narrow.data(), static_cast<int32_t>(narrow.size()), &written, wide.data(),
                       static_cast<int32_t>(to - wide.data()), 0xFFFD, nullptr, &narrow_status);
    if (U_SUCCESS(narrow_status)) out.append(narrow.data(), static_cast<std::size_t>(written));
  }
  UErrorCode status = U_ZERO_ERROR;
  between_ = high_surrogate_ == 0 && ucnv_toUCountPending(converter_.get(), &status) == 0 && U_SUCCESS(status);
}

}  // namespace cpm::imap::mime
