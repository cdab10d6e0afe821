#include "imap/grammar/section.h"

namespace cpm::imap::grammar {

namespace {

// "1.2." leaves the cursor at the text specifier, "1.2" at its end. True when a specifier must follow.
bool parse_parts(wire::Lexer& lexer, std::vector<std::uint32_t>& parts) {
  while (lexer.peek() >= '0' && lexer.peek() <= '9') {
    if (parts.size() >= lexer.limits().mime_nesting) lexer.bad("Section is nested too deeply");
    parts.push_back(lexer.nz_number());
    if (!lexer.try_take('.')) return false;
  }
  return true;
}

std::string specifier(wire::Lexer& lexer) {
  std::string name;
  while ((lexer.peek() >= 'a' && lexer.peek() <= 'z') || (lexer.peek() >= 'A' && lexer.peek() <= 'Z') ||
         lexer.peek() == '.') {
    name += lexer.peek();
    lexer.take(lexer.peek());
  }
  return wire::upper(name);
}

}  // namespace

Section parse_section(wire::Lexer& lexer) {
  Section section;
  lexer.take('[');
  if (lexer.try_take(']')) return section;
  if (!parse_parts(lexer, section.parts)) {
    lexer.take(']');
    return section;
  }
  const std::string name = specifier(lexer);
  if (name == "HEADER") {
    section.text = Section::Text::header;
  } else if (name == "TEXT") {
    section.text = Section::Text::text;
  } else if (name == "MIME" && !section.parts.empty()) {
    section.text = Section::Text::mime;
  } else if (name == "HEADER.FIELDS" || name == "HEADER.FIELDS.NOT") {
    section.text = name == "HEADER.FIELDS" ? Section::Text::header_fields : Section::Text::header_fields_not;
    lexer.sp();
    lexer.list(false, [&] {
      if (section.fields.size() >= lexer.limits().fetch_items) lexer.bad("Too many header fields");
      section.fields.push_back(lexer.astring());
    });
  } else {
    lexer.bad("Unknown section " + name);
  }
  lexer.take(']');
  return section;
}

Section parse_binary_section(wire::Lexer& lexer) {
  Section section;
  lexer.take('[');
  if (parse_parts(lexer, section.parts) && !section.parts.empty()) lexer.bad("Part number expected");
  lexer.take(']');
  return section;
}

std::optional<Partial> parse_partial(wire::Lexer& lexer) {
  if (!lexer.try_take('<')) return std::nullopt;
  Partial partial;
  partial.offset = lexer.number64();
  lexer.take('.');
  partial.length = lexer.number64();
  if (partial.length == 0) lexer.bad("Length of a partial must not be zero");
  lexer.take('>');
  return partial;
}

void write_section(wire::Encoder& out, const Section& section) {
  out.raw("[");
  for (std::size_t i = 0; i < section.parts.size(); ++i) {
    if (i > 0) out.raw(".");
    out.number(section.parts[i]);
  }
  if (section.text != Section::Text::all && !section.parts.empty()) out.raw(".");
  switch (section.text) {
    case Section::Text::all: break;
    case Section::Text::header: out.raw("HEADER"); break;
    case Section::Text::text: out.raw("TEXT"); break;
    case Section::Text::mime: out.raw("MIME"); break;
    case Section::Text::header_fields:
    case Section::Text::header_fields_not:
      out.raw(section.text == Section::Text::header_fields ? "HEADER.FIELDS (" : "HEADER.FIELDS.NOT (");
      for (std::size_t i = 0; i < section.fields.size(); ++i) {
        if (i > 0) out.sp();
        out.astring(section.fields[i]);
      }
      out.raw(")");
      break;
  }
  out.raw("]");
}

void write_origin(wire::Encoder& out, const std::optional<Partial>& partial) {
  if (partial) out.raw("<").number(partial->offset).raw(">");
}

}  // namespace cpm::imap::grammar
