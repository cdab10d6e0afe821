#include "server/push/pap.h"

#include <pugixml.hpp>

#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <sstream>

namespace cpm::server::push {

namespace {

constexpr std::size_t kLargestTemplate = 64 * 1024;

constexpr std::string_view kEmn =
    "<?xml version=\"1.0\"?>\r\n"
    "<!DOCTYPE emn PUBLIC \"-//WAPFORUM//DTD EMN 1.0//EN\" \"http://www.wapforum.org/DTD/emn.dtd\">\r\n"
    "<emn mailbox=\"{mailbox}\" timestamp=\"{timestamp}\"/>\r\n";

// The places of a template, and where in an event their values stand.
struct Place {
  std::string_view name, member;
  bool own = false, object = false;  // below vnd.cpmstore; of its first object
};
constexpr std::array<Place, 14> kPlaces{{{"mailbox", "mailboxID"},
                                         {"uri", "uri"},
                                         {"timestamp", "timestamp"},
                                         {"event", "event"},
                                         {"user", "user"},
                                         {"uidset", "uidset"},
                                         {"messages", "messages"},
                                         {"unseen", "unseen", true},
                                         {"device", "device", true},
                                         {"size", "messageSize", true, true},
                                         {"from", "from", true, true},
                                         {"date", "date", true, true},
                                         {"kind", "kind", true, true},
                                         {"conversation", "conversation", true, true}}};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&apos;"; break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) out += c;  // no control character is XML
    }
  }
  return out;
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string value_at(const Place& place, const Json& event) {
  const Json* from = &event;
  if (place.own) {
    const auto own = event.find("vnd.cpmstore");
    if (own == event.end()) return {};
    from = &*own;
  }
  if (place.object) {
    const auto objects = from->find("objects");
    if (objects == from->end() || objects->empty()) return {};
    from = &objects->front();
  }
  const auto at = from->find(std::string(place.member));
  return at == from->end() ? std::string() : text_of(*at);
}

// Calls `text` with what stands between places and `place` with each of them. False: there is no such place.
template <class Text, class At>
bool walk(std::string_view content, Text text, At place) {
  while (!content.empty()) {
    const auto open = content.find('{');
    text(content.substr(0, open));
    if (open == std::string_view::npos) return true;
    const auto close = content.find('}', open);
    if (close == std::string_view::npos) return false;
    const std::string_view name = content.substr(open + 1, close - open - 1);
    const Place* found = nullptr;
    for (const Place& one : kPlaces) {
      if (one.name == name) found = &one;
    }
    if (found == nullptr) return false;
    place(*found);
    content.remove_prefix(close + 1);
  }
  return true;
}

std::string utc(std::chrono::sys_time<std::chrono::milliseconds> moment) {
  std::string text = timestamp(moment);
  return text.erase(text.size() - 5, 4);
}

}  // namespace

Result<PapTemplate> read_template(const std::string& file, const std::string& type) {
  PapTemplate out{type, std::string(kEmn)};
  if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    out.text.assign(std::istreambuf_iterator<char>(in), {});
    if (!in.good() && !in.eof()) return fail(Failure::invalid, "push.pap_template: cannot read " + file);
    if (out.text.empty()) return fail(Failure::invalid, "push.pap_template: nothing is in " + file);
    if (out.text.size() > kLargestTemplate)
      return fail(Failure::invalid, "push.pap_template: " + file + " is too large");
  }
  if (!walk(
          out.text, [](std::string_view) {}, [](const Place&) {})) {
    std::string all;
    for (const Place& one : kPlaces) all += " {" + std::string(one.name) + '}';
    return fail(Failure::invalid, "push.pap_template: " + file + " has a { that begins none of" + all);
  }
  return out;
}

std::string expand(const PapTemplate& content, const Json& event) {
  std::string out;
  walk(
      content.text, [&](std::string_view text) { out += text; },
      [&](const Place& place) { out += escaped(value_at(place, event)); });
  return out;
}

PapBody pap_push_message(const PapMessage& message, const std::string& content_type) {
  pugi::xml_document document;
  auto declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  auto type = document.append_child(pugi::node_doctype);
  type.set_value(
      "pap PUBLIC \"-//WAPFORUM//DTD PAP 2.0//EN\" \"http://www.wapforum.org/DTD/pap_2.0.dtd\""
      " [<?wap-pap-ver supported-versions=\"2.0\"?>]");
  auto push = document.append_child("pap").append_child("push-message");
  push.append_attribute("push-id") = message.push_id.c_str();
  push.append_attribute("deliver-before-timestamp") = utc(message.deliver_before).c_str();
  push.append_child("address").append_attribute("address-value") = message.address.c_str();
  push.append_child("quality-of-service").append_attribute("delivery-method") = "unconfirmed";
  std::ostringstream control;
  document.save(control, "", pugi::format_raw);

  // No content can hold the boundary: it has the push-id, which is random, and a colon behind it.
  const std::string boundary = "push-" + message.push_id;
  PapBody body;
  body.type = "multipart/related; boundary=\"" + boundary + "\"; type=\"application/xml\"";
  body.text = "--" + boundary + "\r\nContent-Type: application/xml; charset=UTF-8\r\n\r\n" + control.str() + "\r\n--" +
              boundary + "\r\nContent-Type: " + content_type +
              "\r\nX-Wap-Application-Id: x-wap-application:emn.ua\r\n\r\n" + message.content + "\r\n--" + boundary +
              "--\r\n";
  return body;
}

std::string pap_address(const std::string& address, const std::string& gateway) {
  if (address.starts_with("WAPPUSH=")) return address;
  const bool number = address.starts_with("tel:");
  std::string out = "WAPPUSH=";
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : number ? std::string_view(address).substr(4) : std::string_view(address)) {
    const auto octet = static_cast<unsigned char>(c);
    if (std::isalnum(octet) != 0 || c == '+' || c == '-' || c == '.' || c == '_') {
      out += c;
    } else {
      out += '%';
      out += kDigits[octet >> 4U];
      out += kDigits[octet & 15U];
    }
  }
  return out + (number ? "/TYPE=PLMN@" : "/TYPE=USER@") + gateway;
}

PapAnswer read_pap_answer(std::string_view body) {
  pugi::xml_document document;
  if (!document.load_buffer(body.data(), body.size()))
    return {PapAnswer::Verdict::again, "the gateway's answer is no XML"};
  const pugi::xml_node root = document.child("pap");
  pugi::xml_node result = root.child("push-response").child("response-result");
  if (!result) result = root.child("badmessage-response");
  const int code = result.attribute("code").as_int();
  if (code == 0) return {PapAnswer::Verdict::again, "the gateway's answer has no result code"};
  std::string reason = "PAP " + std::to_string(code);
  if (const std::string text = result.attribute("desc").value(); !text.empty()) reason += " " + text;
  // 1xxx success, 2xxx our mistake, 3xxx the gateway's, 4xxx it or the network cannot now, 5xxx the device did not.
  if (code / 1000 == 1) return {PapAnswer::Verdict::taken, reason};
  return {code / 1000 == 2 ? PapAnswer::Verdict::never : PapAnswer::Verdict::again, reason};
}

}  // namespace cpm::server::push
