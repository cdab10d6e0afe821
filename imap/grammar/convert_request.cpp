#include "imap/grammar/convert_request.h"

#include <algorithm>

namespace cpm::imap::grammar {

namespace {

constexpr std::size_t kMostParameters = 32;
constexpr std::size_t kMostItems = 256;
constexpr std::size_t kLongestName = 127;  // RFC 4288 4.2

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$&.+-^_").find(c) != std::string_view::npos;
  });
}

// tag-name of RFC 2506 3.1.1 with its prefixes: g.name, u.http://…
bool is_feature_tag(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

ConvertItem parse_item(wire::Lexer& lexer) {
  using Kind = ConvertItem::Kind;
  const std::string name = lexer.item_name();
  ConvertItem item;
  if (name == "UID") return item;
  if (name == "BODY") {
    item.kind = Kind::header;
    item.section = parse_section(lexer);
    if (item.section.text != Section::Text::header && item.section.text != Section::Text::mime) {
      lexer.bad("Of BODY only HEADER and MIME are converted");
    }
    return item;
  }
  if (name == "BINARY") {
    item.kind = Kind::binary;
  } else if (name == "BINARY.SIZE") {
    item.kind = Kind::size;
  } else if (name == "BODYPARTSTRUCTURE") {
    item.kind = Kind::structure;
  } else if (name == "AVAILABLECONVERSIONS") {
    item.kind = Kind::available;
  } else {
    lexer.bad("Unknown CONVERT item " + name);
  }
  item.section = parse_binary_section(lexer);
  if (item.kind == Kind::binary) item.partial = parse_partial(lexer);
  return item;
}

}  // namespace

bool is_media_type(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && is_name(text.substr(0, slash)) && is_name(text.substr(slash + 1));
}

bool is_media_range(std::string_view text) {
  if (text == "*") return true;
  if (text.ends_with("/*")) return is_name(text.substr(0, text.size() - 2));
  return is_media_type(text);
}

bool in_media_range(std::string_view type, std::string_view range) {
  if (range == "*") return true;
  if (range.ends_with("/*")) return type.starts_with(range.substr(0, range.size() - 1));
  return type == range;
}

ConvertTo parse_convert_params(wire::Lexer& lexer) {
  ConvertTo to;
  lexer.take('(');
  if (!lexer.try_word("NIL")) {
    to.type = lower(lexer.string());
    if (!is_media_type(*to.type)) lexer.bad("Not a media type");
  }
  if (lexer.try_sp()) {
    lexer.list(false, [&] {
      if (to.parameters.size() == kMostParameters) lexer.bad("Too many conversion parameters");
      std::string name = lower(lexer.astring());
      if (!is_feature_tag(name)) lexer.bad("Not the name of a conversion parameter");
      const bool again = std::any_of(to.parameters.begin(), to.parameters.end(),
                                     [&](const auto& other) { return other.first == name; });
      if (again) lexer.bad("Conversion parameter given twice: " + name);
      lexer.sp();
      to.parameters.emplace_back(std::move(name), lexer.astring());
    });
  }
  lexer.take(')');
  return to;
}

std::vector<ConvertItem> parse_convert_items(wire::Lexer& lexer) {
  std::vector<ConvertItem> items;
  const auto one = [&] {
    ConvertItem item = parse_item(lexer);
    if (std::find(items.begin(), items.end(), item) != items.end()) return;
    if (items.size() == kMostItems) lexer.bad("Too many CONVERT items");
    items.push_back(std::move(item));
  };
  if (lexer.peek() == '(') {
    lexer.list(false, one);
  } else {
    one();
  }
  std::stable_sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.kind < b.kind; });
  return items;
}

void write_convert_item(wire::Encoder& out, const ConvertItem& item) {
  using Kind = ConvertItem::Kind;
  switch (item.kind) {
    case Kind::uid: out.raw("UID"); return;
    case Kind::available: out.raw("AVAILABLECONVERSIONS"); break;
    case Kind::structure: out.raw("BODYPARTSTRUCTURE"); break;
    case Kind::size: out.raw("BINARY.SIZE"); break;
    case Kind::header: out.raw("BODY"); break;
    case Kind::binary: out.raw("BINARY"); break;
  }
  write_section(out, item.section);
  write_origin(out, item.partial);
}

void write_convert_parameters(wire::Encoder& out, const ConvertParameters& parameters) {
  const char* between = "(";
  for (const auto& [name, value] : parameters) {
    out.raw(between).string(name).sp().string(value);
    between = " ";
  }
  out.raw(")");
}

}  // namespace cpm::imap::grammar
