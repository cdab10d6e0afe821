#include "imap/mime/envelope.h"

#include "imap/mime/header.h"

namespace cpm::imap::mime {

namespace {

void set_once(std::optional<std::string>& to, std::string_view value) {
  if (!to) to = unfold(value);
}

// Several To or Cc fields are against RFC 5322 3.6 but seen: their addresses are joined.
void append(Addresses& to, std::string_view value) {
  for (auto& address : parse_addresses(value)) {
    if (to.size() >= kMaxAddresses) return;
    to.push_back(std::move(address));
  }
}

}  // namespace

Envelope parse_envelope(std::string_view header_block) {
  Envelope out;
  for (const auto& field : header_fields(header_block)) {
    const std::string name = ascii_lower(field.name);
    if (name == "date") set_once(out.date, field.value);
    if (name == "subject") set_once(out.subject, field.value);
    if (name == "in-reply-to") set_once(out.in_reply_to, field.value);
    if (name == "message-id") set_once(out.message_id, field.value);
    if (name == "from") append(out.from, field.value);
    if (name == "sender") append(out.sender, field.value);
    if (name == "reply-to") append(out.reply_to, field.value);
    if (name == "to") append(out.to, field.value);
    if (name == "cc") append(out.cc, field.value);
    if (name == "bcc") append(out.bcc, field.value);
  }
  if (out.sender.empty()) out.sender = out.from;
  if (out.reply_to.empty()) out.reply_to = out.from;
  return out;
}

}  // namespace cpm::imap::mime
