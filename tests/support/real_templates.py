"""What the templates of current models do, way by way, and what they are given.

Written for these tests, after a survey of the templates of some seventy models (Llama 2 to 3.2,
Qwen 1.5 to 3.5, Gemma 1 and 4, Mistral, Mixtral and Nemo, Phi 3, DeepSeek to R1 and V3.2, GLM 5,
Granite 3, SmolLM3, Hermes, Command R and A, Kimi K2 and K3, Jamba, LFM2.5, MiniCPM3): each case is
one way of theirs, with tools, documents and thoughts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a place.",
            "parameters": {
                "type": "object",
                "properties": {
                    "place": {"type": "string", "description": "Where", "enum": ["here", "there"]},
                    "days": {"type": ["integer", "null"], "default": 3, "minimum": 1},
                    "when": {"type": "array", "items": {"type": "string"}},
                    "more": {"type": "object", "properties": {"unit": {"type": "string"}}},
                },
                "required": ["place"],
            },
        },
    }
]
CALL = {
    "id": "call_12345",
    "type": "function",
    "function": {"name": "get_weather", "arguments": {"place": "here", "days": 2, "when": ["a"]}},
}
MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": " Be kind.\n"},
    {"role": "user", "content": [{"type": "text", "text": " hi "}, {"type": "image"}]},
    {"role": "assistant", "content": "<think>\nhm\n</think>\n\nyes", "tool_calls": [CALL]},
    {"role": "tool", "name": "get_weather", "tool_call_id": "call_12345", "content": '{"t": 3}'},
    {"role": "assistant", "content": None, "reasoning_content": "so\n"},
    {"role": "user", "content": "你好 <b> /no_think"},
]
DOCUMENTS = [{"title": "A title", "text": "Some text\nof it.", "n": 1}]
VARIABLES: Mapping[str, Any] = {
    "messages": MESSAGES, "tools": TOOLS, "documents": DOCUMENTS, "bos_token": "<s>",
    "eos_token": "</s>", "add_generation_prompt": True, "enable_thinking": False,
}  # fmt: skip

WAYS = {
    "the first message is the system's": "{% if messages[0]['role'] == 'system' %}"
    "{% set system = messages[0].content | trim %}{% set loop_messages = messages[1:] %}"
    "{% else %}{% set loop_messages = messages %}{% endif %}{{ bos_token + system }}"
    "{% for m in loop_messages %}{{ loop.index0 }}{{ m.role }};{% endfor %}",
    "roles alternate": "{% for m in messages | selectattr('role', 'in', ['user', 'assistant']) %}"
    "{% if loop.index0 % 2 == 1 and m.role == 'user' %}{{ 'odd' }}{% endif %}{% endfor %}",
    "the last question, from behind": "{% set ns = namespace(multi=true, last=messages|length - 1)"
    "%}{% for m in messages[::-1] %}{% set index = (messages|length - 1) - loop.index0 %}"
    "{% if ns.multi and m.role == 'user' and m.content is string and not("
    "m.content.startswith('<result>') and m.content.endswith('</result>')) %}"
    "{% set ns.multi = false %}{% set ns.last = index %}{% endif %}{% endfor %}{{ ns.last }}",
    "thoughts are cut out": "{% set c = messages[2].content %}{% if '</think>' in c %}"
    "{% set r = c.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}"
    "{% set c = c.split('</think>')[-1].lstrip('\\n') %}{% endif %}[{{ r }}|{{ c }}]",
    "a text that ends somewhere": "{{ messages[2].content.split('</think>')|last|trim }}"
    "{{ messages[2].content[messages[2].content.find('</think>') + 8:] }}"
    "{{ messages[2].content.rpartition('>')[2] }}{{ messages[2].content.index('hm') }}",
    "parts or a text": "{% macro say(c) %}{% if c is string %}{{ c }}{% elif c is none or c is"
    " undefined %}{% elif c is iterable and c is not mapping %}{% for p in c %}"
    "{% if 'image' in p or p.type == 'image' %}<image>{% elif 'text' in p %}{{ p.text | trim }}"
    "{% else %}{{ raise_exception('what?') }}{% endif %}{% endfor %}{% endif %}{% endmacro %}"
    "{% for m in messages %}{{ say(m.content) }}|{% endfor %}",
    "tools as JSON": "{% for tool in tools %}{{ tool | tojson }}{{ tool.function | tojson(indent=4)"
    " }}{{ tool|tojson(ensure_ascii=False, separators=(',', ':'), sort_keys=true) }}{% endfor %}",
    "calls as JSON": "{% for m in messages %}{% if m.tool_calls is defined and m.tool_calls %}"
    "{% for call in m.tool_calls %}{% if call.function is defined %}{% set call = call.function %}"
    "{% endif %}{{ call.name }}({% if call.arguments is string %}{{ call.arguments }}{% else %}"
    "{{ call.arguments | tojson }}{% endif %}){{ ',' if not loop.last }}{% endfor %}{% endif %}"
    "{% endfor %}",
    "calls as parameters": "{% set args = messages[2].tool_calls[0].function.arguments %}"
    "{% for k, v in args | items %}<{{ k }}>{{ v if v is string else v | tojson }}{% endfor %}"
    "{% for k, v in args.items() %}{{ k ~ '=' ~ v | string }}{% endfor %}"
    "{% for k in args.keys() | list %}{{ k }}{% endfor %}{% for k in args | dictsort %}{{ k[0] }}"
    "{% endfor %}{{ args.values() | list | length }}",
    "an id of nine letters": "{% set id = messages[2].tool_calls[0].id %}"
    "{% if id|length < 9 %}{{ raise_exception('an id has nine letters') }}{% endif %}"
    "{{ id[-9:] }}",
    "what a message may have": "{% for m in messages %}{{ m.get('name', 'none') }}"
    "{{ 'tool_calls' in m }}{{ m.tool_calls is defined and m.tool_calls is not none }}"
    "{{ (m.content or '') is string }}{{ m['thinking'] is defined }}{% endfor %}",
    "the message before and after": "{% for m in messages %}{% if loop.previtem is not defined or "
    "loop.previtem.role != m.role %}{{ m.role }}{% endif %}{% if loop.nextitem is defined and "
    "loop.nextitem.role == 'tool' %}>{% endif %}{{ loop.first }}{{ loop.last }}{{ loop.revindex0 }}"
    "{% endfor %}",
    "types of a schema": "{% macro kind(p, required) %}{% if p.type == 'array' %}"
    "{% if p['items'] %}{{ kind(p['items'], required) }}[]{% else %}any[]{% endif %}"
    "{% elif p.type is iterable and p.type is not string %}{{ p.type | join(' | ') }}"
    "{% elif p.type == 'string' %}{% if p.enum %}\"{{ p.enum | join('\" | \"') }}\"{% else %}string"
    "{% endif %}{% elif p.type == 'object' %}{{ '{' }}{% for name, q in p.properties.items() %}"
    "{{ name ~ ('' if name in (p.required or []) else '?') ~ ': ' ~ kind(q, p.required or []) }}"
    "{% endfor %}{{ '}' }}{% else %}any{% endif %}{% endmacro %}"
    "{{ kind(tools[0].function.parameters, []) }}",
    "a caller": "{% macro fields(spec, before) %}{% set o = namespace(f=caller()) %}"
    "{% for name, one in spec.properties | items %}{% set o.f = o.f + before + name | title + '\\n'"
    " %}{% if one.type == 'object' %}{% call fields(one, '  ') %}class {{ name }}\n{% endcall %}"
    "{% endif %}{% endfor %}{{ o.f }}{% endmacro %}"
    "{% call fields(tools[0].function.parameters, ' ') %}begin\n{% endcall %}",
    "documents": "{% for d in documents %}{% for k, v in d.items() %}{{ k | title }}: {{ v | string"
    " | indent(2, first=true) }}\n{% endfor %}{% endfor %}{{ documents | map(attribute='title') "
    "| join(', ') }}{{ documents | map('upper') | list | length }}",
    "the day": "{% if strftime_now is defined %}{% set day = strftime_now('%d %b %Y') %}{% endif %}"
    "{{ day | length }}{{ strftime_now('%Y-%m-%d') | length }}",
    "a message is put together": "{% set ns = namespace(text='', found=[]) %}"
    "{% for m in messages %}{% set ns.text = ns.text ~ m.role ~ ':' %}"
    "{% set ns.found = ns.found + [m.role] %}{% endfor %}"
    "{{ ns.text }}{{ ns.found | unique | join('+') }}{{ ns.found | length }}",
    "a message is made anew": "{% set one = dict(role='user', content='x') %}{{ one.role }}"
    "{% set two = {'a': 1} %}{{ dict(two, b=2) | tojson }}{{ dict(two.items()) | tojson }}",
    "switches in the text": "{% set c = messages[-1].content %}{% if c.endswith('/no_think') %}"
    "{{ c.rstrip('/no_think') }}{{ c | replace('/no_think', '') | trim }}"
    "{{ c.replace('/no_think', '').strip() }}{{ c.removesuffix('/no_think') }}{% endif %}",
    "defaults": "{{ enable_thinking | default(true) }}{{ nothing | default('', true) }}"
    "{% set effort = effort if effort is defined else 'medium' %}{{ effort }}"
    "{{ none | default('x', boolean=true) }}{{ nothing is undefined }}",
    "breaks": "{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}"
    "{% if m.role == 'tool' %}{% break %}{% endif %}{{ m.role }}{% endfor %}",
    "ranges": "{% for i in range(messages|length - 1, -1, -1) %}{{ messages[i].role }}{% endfor %}"
    "{% for i in range(2) %}{{ i }}{% endfor %}",
    "rejected and chosen": "{{ messages | rejectattr('role', 'equalto', 'system') | list"
    " | length }}{{ messages | selectattr('tool_calls', 'defined') | list | length }}"
    "{{ messages | map(attribute='role') | reject('equalto', 'tool') | join }}"
    "{{ (messages | selectattr('role', 'eq', 'user') | list | last).content }}"
    "{{ messages | rejectattr('content') | first | tojson }}",
    "numbers": "{{ 3 | string + 'x' }}{{ '7' | int + 1 }}{{ 7 // 2 }}{{ 7 / 2 }}{{ 7 % 2 }}"
    "{{ 2 ** 3 }}{{ -3 | abs }}{{ 2.567 | round(1) }}{{ '1.5' | float }}{{ [1, 2] | sum }}"
    "{{ [3, 1] | sort | first }}{{ [3, 1] | max }}{{ true and 1 }}",
    "texts": "{{ 'a b' | capitalize }}{{ 'a b' | title }}{{ 'a' | upper }}{{ 'A' | lower }}"
    "{{ '%s-%s' | format('a', 1) }}{{ 'a,b'.split(',', 1) }}{{ 'a\\nb'.splitlines() }}"
    "{{ 'x'.join(['a', 'b']) }}{{ 'aXb'.lower().upper().title() }}{{ '<' | safe }}"
    "{{ '{} {x}'.format(1, x=2) }}{{ 'ab' | list }}{{ 'ab' | reverse }}{{ 'a' 'b' }}"
    "{{ 'ab'.isalpha() }}{{ 'a'.zfill(3) }}{{ 'abc' | truncate(2, true, '') }}",
    "kinds": "{{ 1 is number }}{{ 'a' is string }}{{ [] is sequence }}{{ {} is mapping }}"
    "{{ true is boolean }}{{ none is none }}{{ 1 is integer }}{{ 1.5 is float }}"
    "{{ false is false }}{{ 3 is odd }}{{ 4 is divisibleby 2 }}{{ 'a' is sameas 'a' }}"
    "{{ 'a' in ['a'] }}{{ raise_exception is callable }}{{ 1 is eq 1 }}{{ 'A' is upper }}",
    "a loop that goes down": "{% for p in [{'a': [{'a': []}]}] recursive %}<{{ loop.depth }}"
    "{{ loop(p.a) }}>{% endfor %}",
    "a filter of a block": "{% filter trim %}  a {% endfilter %}{% set x | upper %}b{% endset %}"
    "{{ x }}{% with y = 3 %}{{ y }}{% endwith %}{% generation %}c{% endgeneration %}",
    "by turns": "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}"
    "{% set comma = joiner(', ') %}{% for i in [1, 2] %}{{ comma() }}{{ i }}{% endfor %}"
    "{% for i in [1, 2] %}{{ loop.cycle('x', 'y') }}{{ loop.changed(i) }}{% endfor %}",
    "in groups": "{% for g in messages | groupby('role') %}{{ g.grouper }}{{ g.list | length }}"
    "{% endfor %}{% for pair in [1, 2, 3] | batch(2) %}{{ pair }}{% endfor %}"
    "{% for part in [1, 2, 3] | slice(2) %}{{ part }}{% endfor %}",
    "white space": "  {%- if true -%}  a  {%- endif %}\n"
    "   {% if 1 %}\n b\n  {% endif %}\n{#- c -#} d",
    "a refusal": "{% if messages[0].role != 'user' %}"
    "{{ raise_exception('Conversations begin with the user!') }}{% endif %}",
}
