// Objects of cpm-message-storage 1, octet for octet, and variants of them, for the tests of imap/cpm.
#pragma once

#include "base/byte_source.h"
#include "base/limits.h"
#include "imap/cpm/facts.h"
#include "imap/mime/structure.h"

#include <string>
#include <string_view>

namespace cpm::imap::cpm_objects::samples {

// Line ends as they are stored.
inline std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

inline schema::ObjectFacts facts_of_octets(std::string_view octets, const Place& place = {}) {
  MemorySource source(octets);
  const Limits limits;
  const mime::Part message = mime::parse_structure(source, limits);
  return recognise(octets.substr(0, message.header_end), source, message, place);
}

inline schema::ObjectFacts facts_of(std::string_view text, const Place& place = {}) {
  return facts_of_octets(crlf(text), place);
}

inline Place conversation(std::string name) { return {Place::Kind::conversation, std::move(name), {}}; }
inline Place session(std::string name, std::string contribution) {
  return {Place::Kind::session, std::move(name), std::move(contribution)};
}

inline constexpr std::string_view kStandalone = R"(From: <sip:alice@example.net>
To: <sip:bob@example.net>
Date: Mon, 04 May 2020 08:30:00 +0200
Message-ID: m-77@store.example
Conversation-ID: conv1
Contribution-ID: contrib-7
Content-Type: text/plain; charset=utf-8

Hi Bob)";

inline constexpr std::string_view kChatHeader = R"(Date: Tue, 12 May 2020 09:15:00 +0200
From: tel:+33600000002
To: tel:+33600000001
Message-ID: <1@store.example>
MIME-Version: 1.0
Content-Type: message/cpim
Content-Transfer-Encoding: 8bit
Conversation-ID: +33600000002
Contribution-ID: +33600000002
IMDN-Message-ID: msg-a1
Message-Direction: received

From: <sip:anonymous@anonymous.invalid>
To: <sip:anonymous@anonymous.invalid>
NS: imdn <urn:ietf:params:imdn>
imdn.Message-ID: msg-a1
DateTime: 2020-05-12T09:15:00+02:00
imdn.Disposition-Notification: positive-delivery

)";
inline constexpr std::string_view kChatContent = R"(Content-type: text/plain;charset=utf-8
Content-length: 5

Hello)";
inline constexpr std::string_view kImdn = R"(Content-type: message/imdn+xml
Content-length: 240

<?xml version="1.0" encoding="UTF-8"?>
<imdn xmlns="urn:ietf:params:xml:ns:imdn">
<message-id>msg-a1</message-id>
<datetime>2020-05-12T07:15:04Z</datetime>
<delivery-notification><status><delivered/></status></delivery-notification>
</imdn>)";
// The header and the CPIM header of kChatHeader around another content.
inline std::string wrapped(std::string_view content) { return std::string(kChatHeader) + std::string(content); }

inline constexpr std::string_view kSessionFirst = R"(From: <sip:alice@example.net>
Date: Mon, 04 May 2020 08:30:00 +0200
Subject: lunch
Conversation-ID: conv1
Contribution-ID: sess11
Content-Type: multipart/related;boundary=cpm; type="Application/X-CPM-Session"

--cpm
Content-Type: Application/X-CPM-Session

<session-type>Ad-Hoc</session-type>
<invited-participants>sip:bob@example.net; sip:carol@example.net</invited-participants>
<media-object>
<cid>cid:<m1@example.net></cid>
<sdp>
m=audio 49170 RTP/AVP 0
a=sendonly
</sdp>
</media-object>
--cpm
Content-Type: audio/basic
Content-Transfer-Encoding: base64
Content-ID: <m1@example.net>

AAAA
--cpm--
)";

inline constexpr std::string_view kSessionSecond = R"(Date: Tue, 12 May 2020 09:15:00 +0200
From: tel:+33600000001
To: sip:conference-factory@ims.example
Subject: team
Content-Type: application/x-cpm-session
Conversation-ID: gc-51ab
Contribution-ID: gc-51ab
IMDN-Message-ID: inv-9
Message-Direction: sent

<?xml version="1.0" encoding="UTF-8"?>
<session><session-type>Group</session-type><sdp>o=- 1 1 IN IP4 192.0.2.1</sdp><invited-participants>tel:+33600000002;tel:+33600000003</invited-participants></session>)";

inline constexpr std::string_view kGroupState = R"(Content-Type: application/group-state-object+xml
Date: Mon, 04 May 2020 08:45:00 +0200
Conversation-ID: gc-51ab
Contribution-ID: gc-51ab
IMDN-Message-ID: gs-1
Message-Direction: received

<?xml version="1.0" encoding="UTF-8"?>
<groupstate timestamp="2020-05-04T08:45:00+02:00" lastfocussessionid="sip:focus-77@ims.example" group-type="Closed">
<participant name="bob" comm-addr="tel:+16135550100"/>
</groupstate>
)";

inline constexpr std::string_view kFileFirst = R"(From: <sip:alice@example.net>
Date: Wed, 06 May 2020 10:00:00 +0000
Conversation-ID: conv1
Contribution-ID: ft9
Content-Type: multipart/related;boundary=cpm; type="Application/X-CPM-File-Transfer"

--cpm
Content-Type: Application/X-CPM-File-Transfer

<file-transfer-type>1-1</file-transfer-type>
<invited-participants>sip:bob@example.net</invited-participants>
<file-object>
<cid>cid:<f1@example.net></cid>
<sdp>
a=file-selector:name:"cat.jpg" type:image/jpeg size:3
</sdp>
</file-object>
--cpm
Content-Type: image/jpeg
Content-Transfer-Encoding: base64
Content-ID: <f1@example.net>

AAEC
--cpm--
)";

inline constexpr std::string_view kFileSecond = R"(Content-type: application/vnd.gsma.rcs-ft-http+xml;charset=utf-8

<?xml version="1.0" encoding="UTF-8"?>
<file><file-info type="thumbnail"><file-size>900</file-size><content-type>image/jpeg</content-type><data url="https://cs.example/t1" until="2030-01-01T00:00:00Z"/></file-info>
<file-info type="file"><file-size>5120</file-size><file-name>cat.jpg</file-name><content-type>image/jpeg</content-type><data url="https://cs.example/f1" until="2030-01-01T00:00:00Z"/></file-info></file>)";

inline constexpr std::string_view kMedia = R"(From: <sip:alice@example.net>
Date: Mon, 04 May 2020 08:45:00 +0200
Message-ID: m-78@store.example
Content-Type: image/png
Content-Transfer-Encoding: base64
Content-Disposition: attachment

iVBORw0K
)";

inline constexpr std::string_view kSms = R"(From: tel:+33600000002
To: tel:+33600000001
Date: Tue, 12 May 2020 09:15:00 +0200
Conversation-ID: 7a1c...
Contribution-ID: 99b0...
IMDN-Message-ID: sms-1
Message-Direction: received
Message-Correlator: Hello!
Message-Context: pager-message
Content-Type: message/cpim

From: tel:+33600000002
To: tel:+33600000001
NS: imdn <urn:ietf:params:imdn>
NS: rcs <http://www.gsma.com>
imdn.Message-ID: sms-1
DateTime: 2020-05-12T09:15:00+0200

Content-Type: text/plain; charset=utf-8

Hello!)";

inline constexpr std::string_view kMms = R"(From: tel:+33600000002
To: tel:+33600000001
Date: Tue, 12 May 2020 09:15:00 +0200
Conversation-ID: 7a1c...
Contribution-ID: 99b1...
IMDN-Message-ID: mms-1
Message-Direction: sent
Message-Correlator: mms-4711
Message-Context: "multimedia-message"
Content-Type: message/cpim

From: tel:+33600000002
To: tel:+33600000001
Subject: from the lake
NS: imdn <urn:ietf:params:imdn>
imdn.Message-ID: mms-1
DateTime: 2020-05-12T09:15:00+0200

Content-Type: multipart/related;boundary="b1";

--b1
Content-Type: application/smil
Content-ID: <smil>

<smil><body/></smil>
--b1
Content-Type: image/png
Content-ID: <dot.png>
Content-Transfer-Encoding: base64

iVBORw0K
--b1
Content-Type: text/plain; charset=utf-8
Content-ID: <text.txt>

Look at
 this!
--b1--)";

}  // namespace cpm::imap::cpm_objects::samples
