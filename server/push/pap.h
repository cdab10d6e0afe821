// OMA Push: documents of the Push Access Protocol 2.0 (WAP-247-PAP) to a push proxy gateway, and its answers. The
// content is a document from a template, by default an e-mail notification (OMA-Push-EMN 1.0).
// Runs on: any thread. Pure, but for read_template().
#pragma once

#include "base/result.h"
#include "server/push/payload.h"

#include <string>
#include <string_view>

namespace cpm::server::push {

struct PapTemplate {
  std::string type;  // media type of the content
  std::string text;  // {mailbox}, {timestamp}, … are replaced, as XML text; docs/push.md
};
// An empty file name: the built-in one. Failure::invalid: unreadable, too large, or names what there is not.
[[nodiscard]] Result<PapTemplate> read_template(const std::string& file, const std::string& type);

struct PapMessage {
  std::string push_id;
  std::string address;  // address-value
  std::chrono::sys_time<std::chrono::milliseconds> deliver_before;
  std::string content;  // as expand() makes it
};
struct PapBody {
  std::string type;  // multipart/related with its boundary
  std::string text;
};
[[nodiscard]] PapBody pap_push_message(const PapMessage& message, const std::string& content_type);

[[nodiscard]] std::string expand(const PapTemplate& content, const Json& event);

// WAPPUSH=…/TYPE=…@GATEWAY for an address of a user: PLMN for tel: numbers, USER for others. What is such a value
// already stays.
[[nodiscard]] std::string pap_address(const std::string& address, const std::string& gateway);

struct PapAnswer {
  enum class Verdict { taken, again, never };
  Verdict verdict = Verdict::again;
  std::string reason;
};
// push-response or badmessage-response; anything else is worth another attempt.
[[nodiscard]] PapAnswer read_pap_answer(std::string_view body);

}  // namespace cpm::server::push
