#include "admin/deposit/object_builder.h"

#include "admin/deposit/content.h"
#include "admin/deposit/fact_checks.h"
#include "admin/deposit/text.h"

#include <algorithm>
#include <cctype>

namespace cpm::deposit {

namespace {

constexpr std::size_t kCorrelatorUnits = 160;
constexpr const char* kAnonymous = "<sip:anonymous@anonymous.invalid>";

std::string without_brackets(std::string address) {
  const std::size_t open = address.rfind('<'), close = address.rfind('>');
  if (open != std::string::npos && close != std::string::npos && close > open) {
    address = address.substr(open + 1, close - open - 1);
  }
  return address;
}

// The name of the folder of a remote party: tel:+33600000002, also for a bare number and for a URI with parameters.
std::string party(const std::string& address) {
  std::string uri = without_brackets(address);
  uri.erase(std::min(uri.find(';'), uri.size()));
  const bool number = uri.size() > 1 && uri.front() == '+' &&
                      std::all_of(uri.begin() + 1, uri.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  return number ? "tel:" + uri : uri;
}

// One level of a mailbox name.
Result<void> check_level(const char* name, const std::string& level) {
  if (level.find('/') == std::string::npos && !level.empty()) return {};
  return fail(Failure::invalid, std::string("the ") + name + " \"" + level +
                                    "\" cannot be the name of a mailbox; say with \"mailbox\" where the object goes");
}

std::string bracketed(const std::string& address) {
  return address.find('<') == std::string::npos ? "<" + address + ">" : header_address(address);
}

// As the header fields From and To have it.
std::string outer_address(const std::string& address, int generation) {
  return generation == 1 ? bracketed(address) : header_address(address);
}

std::string outer_to(const Facts& facts) {
  std::string text;
  for (const std::string& address : facts.to)
    text += (text.empty() ? "" : ", ") + outer_address(address, facts.generation);
  return text;
}

const char* service_name(const Facts& facts) {
  if (facts.service == "pager") return "msg";
  if (facts.service == "large") return "largemsg";
  return facts.service == "file" ? "filetransfer" : "session";
}

void add_service(Head& head, const Facts& facts) {
  if (facts.service.empty()) return;
  const std::string name = std::string("3gpp-service.ims.icsi.oma.cpm.") + service_name(facts);
  head.add("P-Asserted-Service", "urn:urn-7:" + name);
  head.add("Accept-Contact", "*;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A" + name + "\"");
}

void add_identity(Head& head, const Facts& facts) {
  head.add("Conversation-ID", facts.conversation)
      .add("Contribution-ID", facts.contribution)
      .add("InReplyTo-Contribution-ID", facts.in_reply_to);
  if (facts.generation == 2 || facts.kind == Kind::notification) head.add("IMDN-Message-ID", facts.id);
  head.add("Message-Direction", facts.direction);
}

void add_more(Head& head, const Facts& facts) {
  add_service(head, facts);
  for (const auto& [name, value] : facts.headers) head.add(name, header_text(value));
}

// The first 160 characters, counted as the clients count (UTF-16), with line ends as blanks (1.1).
std::string correlator_of(const std::string& text) {
  std::string out;
  std::size_t units = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80U ? 1 : lead < 0xe0U ? 2 : lead < 0xf0U ? 3 : 4;
    units += length == 4 ? 2 : 1;
    if (units > kCorrelatorUnits) break;
    out += lead < 0x20U || lead == 0x7fU ? std::string(1, ' ') : text.substr(i, length);
    i += length;
  }
  if (std::all_of(out.begin(), out.end(), [](char c) { return c == ' '; })) return {};
  return is_ascii(out) ? out : "=?utf-8?b?" + base64(out) + "?=";
}

Object object_of(const Facts& facts, const Head& head, const Entity& body) {
  Object object;
  object.line = facts.line;
  object.flags = facts.flags;
  object.date = *facts.date;
  object.pieces.push_back(Piece{head.text() + "\r\n", {}, 0});
  for (const Piece& piece : body.pieces) {
    if (piece.path.empty() && object.pieces.back().path.empty()) {
      object.pieces.back().octets += piece.octets;
    } else {
      object.pieces.push_back(piece);
    }
  }
  return object;
}

Entity octets_entity(std::string octets) {
  Entity entity;
  entity.pieces.push_back(Piece{std::move(octets), {}, 0});
  return entity;
}

// Generation 2 says in CPIM who speaks only where the folder does not: in a group chat, in SMS and MMS.
bool is_group(const Facts& facts) {
  return !facts.session.empty() || facts.to.size() > 1 || facts.kind == Kind::session ||
         facts.kind == Kind::group_state;
}

std::string requests(const Facts& facts) {
  std::string text;
  for (const std::string& wish : facts.notify) text += (text.empty() ? "" : ", ") + wish;
  return text;
}

// CPIM of chat, notifications and file transfers (1.3).
Head chat_cpim(const Facts& facts) {
  Head head;
  head.add("From", is_group(facts) ? bracketed(facts.from) : kAnonymous)
      .add("To", kAnonymous)
      .add("NS", "imdn <urn:ietf:params:imdn>")
      .add("imdn.Message-ID", facts.id)
      .add("DateTime", facts.date->iso())
      .add("imdn.Disposition-Notification", requests(facts));
  return head;
}

// CPIM of SMS and MMS (1.10).
Head legacy_cpim(const Facts& facts) {
  Head head;
  head.add("From", facts.from);
  for (const std::string& address : facts.to) head.add("To", address);
  head.add("NS", "imdn <urn:ietf:params:imdn>")
      .add("NS", "rcs <http://www.gsma.com>")
      .add("imdn.Message-ID", facts.id)
      .add("DateTime", facts.date->iso_numeric(false))
      .add("Subject", facts.kind == Kind::mms ? facts.subject : std::string());
  return head;
}

Entity wrapped(const Head& cpim, const Head& inner, const Entity& content) {
  Entity whole = octets_entity(cpim.text() + "\r\n" + inner.text() + "\r\n");
  whole.append(content);
  return whole;
}

// Chat messages and what travels like them: the inner fields as 1.3 spells them.
Entity chat_body(const Facts& facts, const Entity& content) {
  Head inner;
  inner.add("Content-type", content.type);
  if (facts.kind == Kind::notification) inner.add("Content-Disposition", "notification");  // RFC 5438 7.2.1.2
  inner.add("Content-length", std::to_string(content.size()));
  if (content.more.text().find("base64") != std::string::npos || content.type.starts_with("multipart/"))
    inner.append(content.more);
  return wrapped(chat_cpim(facts), inner, content);
}

Object legacy_object(const Facts& facts, const std::vector<FileFacts>& files) {
  const bool sms = facts.kind == Kind::sms;
  Head head;
  head.add("From", header_address(facts.from)).add("To", outer_to(facts)).add("Date", facts.date->header_date());
  add_identity(head, facts);
  head.add("Message-Correlator", !facts.correlator.empty() ? header_text(facts.correlator)
                                 : sms                     ? correlator_of(*facts.text)
                                                           : facts.id)
      .add("Message-Context", sms ? "pager-message" : "multimedia-message");
  add_more(head, facts);
  head.add("Content-Type", "message/cpim");
  const Entity content = sms ? text_entity(*facts.text, "text/plain; charset=utf-8") : mms_entity(facts, files);
  return object_of(facts, head, wrapped(legacy_cpim(facts), Head().add("Content-Type", content.type), content));
}

// What generation 2 wraps in CPIM, and the notifications of both.
Object wrapped_object(const Facts& facts, const Entity& content) {
  Head head;
  head.add("Date", facts.date->header_date())
      .add("From", outer_address(facts.from, facts.generation))
      .add("To", outer_to(facts))
      .add("Subject", header_text(facts.subject))
      .add("Message-ID", facts.generation == 1 ? facts.id : facts.message_id)
      .add("MIME-Version", "1.0")
      .add("Content-Type", "message/cpim")
      .add("Content-Transfer-Encoding", "8bit");
  add_identity(head, facts);
  add_more(head, facts);
  return object_of(facts, head, chat_body(facts, content));
}

// The object stands directly under its header fields: generation 1, and files with their octets in both (1.2, 1.6, 1.8,
// 1.9).
Object plain_object(const Facts& facts, const Entity& body) {
  Head head;
  head.add("From", facts.from.empty() ? std::string() : outer_address(facts.from, facts.generation))
      .add("To", outer_to(facts))
      .add("Date", facts.date->header_date())
      .add("Subject", header_text(facts.subject))
      .add("Message-ID", facts.generation == 1 ? facts.id : facts.message_id);
  add_identity(head, facts);
  add_more(head, facts);
  // The objects of section 1 do without; text in UTF-8 has to be declared (RFC 2045 4).
  if (body.more.text().find("8bit") != std::string::npos) head.add("MIME-Version", "1.0");
  head.add("Content-Type", body.type).append(body.more);
  return object_of(facts, head, body);
}

// The session info object of generation 2 (1.6).
Object session_object(const Facts& facts) {
  Head head;
  head.add("Date", facts.date->header_date())
      .add("From", header_address(facts.from))
      .add("To", outer_to(facts))
      .add("Subject", header_text(facts.subject))
      .add("Content-Type", "application/x-cpm-session");
  add_identity(head, facts);
  add_more(head, facts);
  return object_of(facts, head, octets_entity(session_document(facts)));
}

Object group_state_object(const Facts& facts) {
  Head head;
  head.add("Content-Type", "application/group-state-object+xml")
      .add("From", facts.from.empty() ? std::string() : outer_address(facts.from, facts.generation))
      .add("To", outer_to(facts))
      .add("Date", facts.date->header_date())
      .add("Message-ID", facts.generation == 1 ? facts.id : facts.message_id);
  add_identity(head, facts);
  add_more(head, facts);
  return object_of(facts, head, octets_entity(group_state_document(facts, facts.generation == 1)));
}

std::string report_of(const Facts& facts) {
  if (!facts.report.empty()) return facts.report;
  if (facts.status == "displayed") return "display";
  return facts.status == "processed" || facts.status == "stored" ? "processing" : "delivery";
}

// Content-IDs that the facts leave open: the same for the same object.
void number_files(const Facts& facts, std::vector<FileFacts>& files) {
  const std::string stem = facts.contribution.empty() ? facts.id : facts.contribution;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!files[i].id.empty()) continue;
    if (facts.kind == Kind::mms && is_ascii(files[i].name) && files[i].name.find_first_of(" <>") == std::string::npos) {
      files[i].id = files[i].name;  // 1.10
    } else {
      files[i].id = "file" + std::to_string(i + 1) + "." + without_brackets(stem) + "@deposit.invalid";
    }
  }
}

Entity typed(std::string type, std::string octets) {
  Entity entity = octets_entity(std::move(octets));
  entity.type = std::move(type);
  return entity;
}

Result<Object> transfer_object(const Facts& facts, const std::vector<FileFacts>& files) {
  if (!files.front().url.empty() && facts.generation == 2) {
    if (files.size() != 1) return fail(Failure::invalid, "a file transfer with a \"url\" has one file");
    return wrapped_object(
        facts, typed("application/vnd.gsma.rcs-ft-http+xml;charset=utf-8", transfer_document(files.front())));
  }
  return plain_object(facts,
                      related_entity("Application/X-CPM-File-Transfer", transfer_description(facts, files), files));
}

Result<Object> build(const Facts& facts) {
  std::vector<FileFacts> files;
  for (const FileFacts& file : facts.files) {
    CPM_TRY(complete, looked_up(file));
    files.push_back(complete);
  }
  number_files(facts, files);
  const bool second = facts.generation == 2;
  switch (facts.kind) {
    case Kind::session:
      if (second) return session_object(facts);
      return plain_object(facts, related_entity("Application/X-CPM-Session", session_description(facts, files), files));
    case Kind::message:
    case Kind::chat: {
      // Generation 2 is read by a client that compares the type with no blank in it (1.3).
      const Entity letter =
          letter_entity(facts, files, second ? "text/plain;charset=utf-8" : "text/plain; charset=utf-8");
      return second ? wrapped_object(facts, letter) : plain_object(facts, letter);
    }
    case Kind::notification:
      return wrapped_object(facts, typed("message/imdn+xml", notification_document(facts, report_of(facts))));
    case Kind::file: return transfer_object(facts, files);
    case Kind::group_state: return group_state_object(facts);
    case Kind::media: return plain_object(facts, file_entity(files.front(), false));
    case Kind::sms:
    case Kind::mms: return legacy_object(facts, files);
  }
  return fail(Failure::internal, "no such kind of object");
}

Result<std::string> mailbox_for(const Facts& facts) {
  if (!facts.mailbox.empty()) {
    const bool odd =
        facts.mailbox.front() == '/' || facts.mailbox.back() == '/' || facts.mailbox.find("//") != std::string::npos;
    if (odd) return fail(Failure::invalid, "\"mailbox\" has an empty level: \"" + facts.mailbox + "\"");
    return facts.mailbox;
  }
  const bool own_session = facts.kind == Kind::session || facts.kind == Kind::group_state;
  const std::string session = !facts.session.empty() ? facts.session : own_session ? facts.contribution : std::string();
  if (facts.generation == 2 && session.empty() && !is_group(facts)) {
    const bool sent = facts.direction == "sent";
    if (sent && facts.to.empty()) return fail(Failure::invalid, "an object that was sent needs \"to\"");
    const std::string other = party(sent ? facts.to.front() : facts.from);
    CPM_CHECK(check_level("remote party", other));
    return facts.root + "/" + other;
  }
  if (facts.conversation.empty()) {
    return fail(Failure::invalid, "without \"conversation\", say with \"mailbox\" where the object goes");
  }
  CPM_CHECK(check_level("conversation", facts.conversation));
  std::string path = facts.root + "/" + facts.conversation;
  if (!session.empty()) {
    CPM_CHECK(check_level("session", session));
    path += "/" + session;
  }
  return path;
}

Error at_line(Error error, std::size_t line) {
  error.text = line_prefix(line) + error.text;
  return error;
}

}  // namespace

std::string line_prefix(std::size_t line) { return line == 0 ? std::string() : "line " + std::to_string(line) + ": "; }

Result<std::string> mailbox_of(const Facts& facts, const BuildOptions& options) {
  auto path = mailbox_for(completed(facts, options));
  if (!path) return at_line(path.error(), facts.line);
  return path;
}

Result<Object> build_object(const Facts& given, const BuildOptions& options) {
  const Facts facts = completed(given, options);
  if (auto good = check_facts(facts); !good) return at_line(good.error(), facts.line);
  auto path = mailbox_for(facts);
  if (!path) return at_line(path.error(), facts.line);
  auto object = build(facts);
  if (!object) return at_line(object.error(), facts.line);
  object->mailbox = *path;
  return object;
}

}  // namespace cpm::deposit
