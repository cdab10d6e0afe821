#include "imap/cpm/kind.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace cpm::imap::cpm_objects {

namespace {

using schema::ObjectKind;

struct Row {
  std::string_view name;
  ObjectKind kind;
};

constexpr std::array<Row, 8> kTypes = {{{"application/x-cpm-session", ObjectKind::session_info},
                                        {"application/x-cpm-file-transfer", ObjectKind::file_transfer},
                                        {"application/group-state-object+xml", ObjectKind::group_state},
                                        {"message/imdn+xml", ObjectKind::notification},
                                        {"application/vnd.gsma.rcs-ft-http+xml", ObjectKind::file_transfer},
                                        {"application/im-iscomposing+xml", ObjectKind::signal},
                                        {"application/vnd.oma.cpm-eventfw+xml", ObjectKind::signal},
                                        {"application/conference-info+xml", ObjectKind::signal}}};

// Two vocabularies of Message-Context: the one of RFC 3458 as CPM extends it, and that of stores with an HTTP
// interface.
constexpr std::array<Row, 17> kContexts = {{{"pager-message", ObjectKind::sms},
                                            {"multimedia-message", ObjectKind::mms},
                                            {"chat-message", ObjectKind::chat_message},
                                            {"file-message", ObjectKind::file_transfer},
                                            {"standalone-message", ObjectKind::message},
                                            {"imdn-message", ObjectKind::notification},
                                            {"conference-message", ObjectKind::signal},
                                            {"geolocation-message", ObjectKind::media},
                                            {"response-message", ObjectKind::message},
                                            {"bot-message", ObjectKind::message},
                                            {"x-rcs-chat", ObjectKind::chat_message},
                                            {"x-rcs-ft", ObjectKind::file_transfer},
                                            {"x-rcs-pm", ObjectKind::message},
                                            {"x-rcs-lm", ObjectKind::message},
                                            {"x-rcs-chat-gso", ObjectKind::group_state},
                                            {"x-rcs-chat-session", ObjectKind::session_info},
                                            {"x-rcs-chat-imdn", ObjectKind::notification}}};

constexpr std::array<Row, 4> kServices = {{{"msg", ObjectKind::message},
                                           {"largemsg", ObjectKind::message},
                                           {"filetransfer", ObjectKind::file_transfer},
                                           {"session", ObjectKind::chat_message}}};

std::optional<ObjectKind> look_up(std::span<const Row> rows, std::string_view name) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& candidate) { return candidate.name == name; });
  if (row == rows.end()) return std::nullopt;
  return row->kind;
}

ObjectKind message_kind(const Evidence& evidence) {
  if (const auto kind = look_up(kContexts, evidence.context)) return *kind;
  if (const auto kind = look_up(kServices, evidence.service)) return *kind;
  if (evidence.place == Place::Kind::session || evidence.in_session) return ObjectKind::chat_message;
  return ObjectKind::message;
}

}  // namespace

ObjectKind kind_of(const Evidence& evidence) {
  if (evidence.description == "session") return ObjectKind::session_info;
  if (evidence.description == "file-transfer") return ObjectKind::file_transfer;
  if (const auto kind = look_up(kTypes, evidence.type)) return *kind;
  const ObjectKind kind = message_kind(evidence);
  // What a program of the network wrote for a program of the client is still a message of theirs.
  const bool of_a_bot = evidence.context == "bot-message" || evidence.context == "response-message";
  if ((kind == ObjectKind::message || kind == ObjectKind::chat_message) && !evidence.text && !of_a_bot)
    return ObjectKind::media;
  return kind;
}

bool is_cpm_type(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find_first_of("; \t"));
  return type == "message/cpim" || type == "application/vnd.gsma.rcspushlocation+xml" ||
         content_type.find("application/x-cpm-") != std::string_view::npos || look_up(kTypes, type).has_value();
}

bool is_readable(std::string_view type) {
  static constexpr std::array<std::string_view, 7> kMedia = {"text/vcard",    "text/x-vcard",   "text/directory",
                                                             "text/calendar", "text/vcalendar", "text/x-vcalendar",
                                                             "text/x-vnote"};
  return type.starts_with("text/") && std::find(kMedia.begin(), kMedia.end(), type) == kMedia.end();
}

}  // namespace cpm::imap::cpm_objects
