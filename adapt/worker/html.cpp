// HTML to readable text: structure stays, as text has it. The parser of libxml2 calls us for each element, so no tree
// is built and nesting costs nothing.
#include "adapt/worker/text.h"

#include <libxml/HTMLparser.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string>
#include <vector>

namespace cpm::adapt::worker {

namespace {

constexpr std::size_t kDeepest = 12;  // of lists and quotations that are shown as such

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool hidden(std::string_view name) {
  return one_of(name,
                {"script", "style", "head", "title", "template", "noscript", "object", "iframe", "svg", "select"});
}

bool block(std::string_view name) {
  return one_of(name, {"div",  "section",  "article", "header", "footer",     "main",    "nav",    "aside",
                       "form", "fieldset", "address", "figure", "figcaption", "dl",      "dt",     "dd",
                       "tr",   "li",       "center",  "body",   "html",       "caption", "legend", "option"});
}

bool paragraph(std::string_view name) {
  return one_of(name, {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre"});
}

class Writer {
 public:
  void open(std::string_view name, const xmlChar** attributes) {
    if (hidden(name)) ++hidden_;
    if (hidden_ > 0) return;
    if (paragraph(name)) end_lines(in_item_ && one_of(name, {"p", "ul", "ol"}) ? 1 : 2);
    if (block(name)) end_lines(1);
    if (name == "br") line_break();
    if (name == "hr") {
      end_lines(1);
      word("----");
      end_lines(1);
    }
    if (name == "blockquote") quotes_ = std::min(quotes_ + 1, kDeepest);
    if (name == "pre") ++pre_;
    if (one_of(name, {"ul", "ol"}) && lists_.size() < kDeepest) lists_.push_back(name == "ol" ? 1 : 0);
    if (name == "li") item();
    if (name == "tr") first_cell_ = true;
    if (one_of(name, {"td", "th"})) cell();
    if (name == "img") picture(attribute(attributes, "alt"));
    if (name == "a") {
      link_ = attribute(attributes, "href");
      link_from_ = out_.size();
    }
  }

  void close(std::string_view name) {
    if (hidden(name) && hidden_ > 0) {
      --hidden_;
      return;
    }
    if (hidden_ > 0) return;
    if (name == "a") end_link();
    if (name == "pre" && pre_ > 0) --pre_;
    if (name == "li") in_item_ = false;
    if (one_of(name, {"ul", "ol"}) && !lists_.empty()) lists_.pop_back();
    if (paragraph(name)) end_lines(lists_.empty() ? 2 : 1);
    if (block(name)) end_lines(1);
    if (name == "blockquote" && quotes_ > 0) --quotes_;
  }

  void text(std::string_view text) {
    if (hidden_ > 0) return;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      // U+00A0 is a blank that stays, and a blank for a reader.
      if (c == '\xc2' && i + 1 < text.size() && text[i + 1] == '\xa0') {
        ++i;
        put(' ');
      } else if (pre_ > 0 && c == '\n') {
        line_break();
      } else if (pre_ == 0 && std::isspace(static_cast<unsigned char>(c)) != 0) {
        blank_ = !line_empty_;
      } else if (c != '\r') {
        put(c);
      }
    }
  }

  std::string take() {
    while (!out_.empty() && std::isspace(static_cast<unsigned char>(out_.back())) != 0) out_.pop_back();
    if (!out_.empty()) out_.push_back('\n');
    return std::move(out_);
  }

 private:
  static std::string attribute(const xmlChar** attributes, const char* name) {
    for (; attributes != nullptr && attributes[0] != nullptr; attributes += 2) {
      if (std::strcmp(reinterpret_cast<const char*>(attributes[0]), name) == 0 && attributes[1] != nullptr)
        return reinterpret_cast<const char*>(attributes[1]);
    }
    return {};
  }

  void put(char c) {
    if (line_empty_ && pending_ > 0) {
      if (!out_.empty()) out_.append(static_cast<std::size_t>(pending_), '\n');
      pending_ = 0;
    }
    if (line_empty_ && quotes_ > 0) {
      out_.append(quotes_, '>');
      out_.push_back(' ');
    }
    line_empty_ = false;
    if (blank_) out_.push_back(' ');
    blank_ = false;
    out_.push_back(c);
  }

  void word(std::string_view text) {
    for (const char c : text) put(c);
  }

  void line_break() {
    pending_ = std::min(line_empty_ ? pending_ + 1 : 1, 3);
    line_empty_ = true;
    blank_ = false;
  }

  // At least `count` line ends before what comes next.
  void end_lines(int count) {
    if (line_empty_ && out_.empty()) return;
    pending_ = line_empty_ ? std::max(pending_, count) : count;
    line_empty_ = true;
    blank_ = false;
  }

  void item() {
    in_item_ = true;
    word(std::string(lists_.size() > 1 ? 2 * (lists_.size() - 1) : 0, ' '));
    if (!lists_.empty() && lists_.back() > 0)
      word(std::to_string(lists_.back()++) + ". ");
    else
      word("- ");
  }

  void cell() {
    if (!first_cell_) {
      blank_ = false;
      word(" | ");
    }
    first_cell_ = false;
  }

  void picture(std::string alt) {
    alt.erase(std::remove(alt.begin(), alt.end(), '\n'), alt.end());
    if (!alt.empty()) word("[" + alt + "]");
  }

  // The address of a link is shown when its text does not show it.
  void end_link() {
    const std::string link = std::move(link_);
    link_.clear();
    if (!(link.starts_with("http://") || link.starts_with("https://") || link.starts_with("mailto:"))) return;
    if (link.size() > 200 || link.find_first_of(" \r\n\t<>") != std::string::npos) return;
    const std::string shown = link_from_ <= out_.size() ? out_.substr(link_from_) : std::string();
    const std::string bare = link.substr(link.find(':') + (link.starts_with("mailto:") ? 1 : 3));
    if (shown.empty() || shown.find(bare) != std::string::npos) return;
    blank_ = true;
    word("<" + link + ">");
  }

  std::string out_;
  std::vector<int> lists_;  // the next number, 0: without numbers
  std::string link_;
  std::size_t link_from_ = 0, quotes_ = 0;
  int hidden_ = 0, pre_ = 0, pending_ = 0;
  bool line_empty_ = true, blank_ = false, first_cell_ = true, in_item_ = false;
};

Writer& writer(void* context) { return *static_cast<Writer*>(context); }

std::string_view view(const xmlChar* name) { return reinterpret_cast<const char*>(name); }

}  // namespace

std::string html_to_text(std::string_view html) {
  Writer out;
  htmlSAXHandler handler{};
  handler.startElement = [](void* context, const xmlChar* name, const xmlChar** attributes) {
    writer(context).open(view(name), attributes);
  };
  handler.endElement = [](void* context, const xmlChar* name) { writer(context).close(view(name)); };
  handler.characters = [](void* context, const xmlChar* text, int size) {
    writer(context).text({reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)});
  };
  handler.ignorableWhitespace = handler.characters;
  htmlParserCtxtPtr parser = ::htmlCreatePushParserCtxt(&handler, &out, nullptr, 0, nullptr, XML_CHAR_ENCODING_UTF8);
  if (parser == nullptr) throw std::bad_alloc();
  ::htmlCtxtUseOptions(parser, HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                   HTML_PARSE_RECOVER);
  constexpr std::size_t kPiece = 32 * 1024;
  for (std::size_t at = 0; at < html.size(); at += kPiece) {
    const std::string_view piece = html.substr(at, kPiece);
    ::htmlParseChunk(parser, piece.data(), static_cast<int>(piece.size()), 0);
  }
  ::htmlParseChunk(parser, nullptr, 0, 1);
  ::htmlFreeParserCtxt(parser);
  return out.take();
}

}  // namespace cpm::adapt::worker
