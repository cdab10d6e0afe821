#include "imap/mime/bodystructure.h"

#include <algorithm>

namespace cpm::imap::mime {

namespace {

void append_nstring(std::string& out, const std::optional<std::string>& text) {
  if (text) {
    append_imap_string(out, *text);
  } else {
    out += "NIL";
  }
}

void append_addresses(std::string& out, const Addresses& addresses) {
  if (addresses.empty()) {
    out += "NIL";
    return;
  }
  out += '(';
  for (const auto& address : addresses) {
    out += '(';
    append_nstring(out, address.name);
    out += ' ';
    append_nstring(out, address.route);
    out += ' ';
    append_nstring(out, address.mailbox);
    out += ' ';
    append_nstring(out, address.host);
    out += ')';
  }
  out += ')';
}

void append_envelope(std::string& out, const Envelope& envelope) {
  out += '(';
  append_nstring(out, envelope.date);
  out += ' ';
  append_nstring(out, envelope.subject);
  for (const auto* list :
       {&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc}) {
    out += ' ';
    append_addresses(out, *list);
  }
  out += ' ';
  append_nstring(out, envelope.in_reply_to);
  out += ' ';
  append_nstring(out, envelope.message_id);
  out += ')';
}

void append_parameters(std::string& out, const Parameters& parameters) {
  if (parameters.empty()) {
    out += "NIL";
    return;
  }
  out += '(';
  bool first = true;
  for (const auto& [name, value] : parameters) {
    if (!first) out += ' ';
    first = false;
    append_imap_string(out, name);
    out += ' ';
    append_imap_string(out, value);
  }
  out += ')';
}

// SP body-fld-dsp SP body-fld-lang SP body-fld-loc
void append_common_extension(std::string& out, const Part& part) {
  if (part.disposition) {
    out += " (";
    append_imap_string(out, part.disposition->type);
    out += ' ';
    append_parameters(out, part.disposition->parameters);
    out += ')';
  } else {
    out += " NIL";
  }
  if (part.languages.empty()) {
    out += " NIL";
  } else if (part.languages.size() == 1) {
    out += ' ';
    append_imap_string(out, part.languages[0]);
  } else {
    char before = '(';
    out += ' ';
    for (const auto& language : part.languages) {
      out += before;
      append_imap_string(out, language);
      before = ' ';
    }
    out += ')';
  }
  out += ' ';
  append_nstring(out, part.location);
}

void append_body(std::string& out, const Part& part, bool extended);

void append_multipart(std::string& out, const Part& part, bool extended) {
  for (const auto& child : part.children) append_body(out, child, extended);
  out += ' ';
  append_imap_string(out, part.subtype);
  if (!extended) return;
  out += ' ';
  append_parameters(out, part.parameters);
  append_common_extension(out, part);
}

void append_single(std::string& out, const Part& part, bool extended) {
  append_imap_string(out, part.type);
  out += ' ';
  append_imap_string(out, part.subtype);
  out += ' ';
  append_parameters(out, part.parameters);
  out += ' ';
  append_nstring(out, part.id);
  out += ' ';
  append_nstring(out, part.description);
  out += ' ';
  append_imap_string(out, part.transfer_encoding);
  out += ' ' + std::to_string(part.body_end - part.body_begin);
  if (part.kind == Kind::message) {
    const Part& nested = part.children.at(0);
    out += ' ';
    append_envelope(out, nested.envelope.value_or(Envelope{}));
    out += ' ';
    append_body(out, nested, extended);
    out += ' ' + std::to_string(part.lines);
  } else if (part.is("text", part.subtype)) {
    out += ' ' + std::to_string(part.lines);
  }
  if (!extended) return;
  out += ' ';
  append_nstring(out, part.md5);
  append_common_extension(out, part);
}

void append_body(std::string& out, const Part& part, bool extended) {
  out += '(';
  if (part.kind == Kind::multipart) {
    append_multipart(out, part, extended);
  } else {
    append_single(out, part, extended);
  }
  out += ')';
}

}  // namespace

void append_imap_string(std::string& out, std::string_view text) {
  const bool quotable = std::all_of(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80 && c != '\r' && c != '\n'; });
  if (!quotable) out += '{' + std::to_string(text.size()) + "}\r\n";
  if (quotable) out += '"';
  for (const char c : text) {
    if (quotable && (c == '"' || c == '\\')) out += '\\';
    out += c == '\0' ? '?' : c;
  }
  if (quotable) out += '"';
}

std::string envelope_bytes(const Envelope& envelope) {
  std::string out;
  append_envelope(out, envelope);
  return out;
}

std::string body_structure_bytes(const Part& message, bool extended) {
  std::string out;
  append_body(out, message, extended);
  return out;
}

}  // namespace cpm::imap::mime
